-- Makes sure that a pipeline's consumer group exists and is registered.
--
-- KEYS  1 events, 2 ledger, 3 groups, 4 epoch
-- ARGV  1 pipeline
--
-- Returns {what, epoch, low-water mark, events that are read again}; what is
--   there      nothing to do
--   adopted    the group existed and was not registered
--   created    a new group, which begins with the oldest entry: never with '$', which would skip what is there
--   recreated  the group was registered and had vanished; it begins again after its saved low-water mark
--
-- The ids of entries count (<ms>-<events before x 1024 + events in it>), so what a group has before and after it is
-- arithmetic. A vanished group takes the list of what was pending with it, so what is read again is derived from the
-- ledger: with it, everything that ever came in is again either settled or still to be read.
local function position(id) -- events before the entry, and up to and with it
  local sequence = tonumber(string.match(id, '%-(%d+)$') or '0')
  local before = math.floor(sequence / 1024)
  return before, before + sequence % 1024
end

local function find()
  if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local row = {}
    for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
    if row['name'] == ARGV[1] then return row end
  end
end

-- Events that were delivered and not settled; the low-water mark is just before the oldest of them.
local function pending(group)
  local events, low, from = 0, group['last-delivered-id'], '-'
  while true do
    local page = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 1000)
    for i, row in ipairs(page) do
      local ms, sequence = string.match(row[1], '^(%d+)%-(%d+)$')
      local before, after = position(row[1])
      if from == '-' and i == 1 then low = ms .. '-' .. string.format('%.0f', before * 1024) end
      events = events + after - before
      from = ms .. '-' .. string.format('%.0f', tonumber(sequence) + 1)
    end
    if #page < 1000 then return events, low end
  end
end

local epoch = redis.call('GET', KEYS[4]) or ''
local group, registered = find(), redis.call('HGET', KEYS[3], ARGV[1])
if group and registered then return {'there', epoch, registered, '0'} end

local names = {'accepted', 'trimmed'}
for _, field in ipairs({'baseline', 'replayed', 'redriven', 'processed', 'filtered', 'dead', 'skipped'}) do
  names[#names + 1] = field .. ':' .. ARGV[1]
end
local book = redis.call('HMGET', KEYS[2], unpack(names))
local function total(i) return tonumber(book[i] or '0') end

local gone = total(2) -- events that are no more in the stream
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first then gone = position(first[1]) end

local what, low, working = 'created', registered or '0-0', 0
if registered then what = 'recreated' end
if group then
  what = 'adopted'
  working, low = pending(group)
end
local _, read = position(group and group['last-delivered-id'] or low)
local unread = total(1) - math.max(read, gone)

-- A pipeline without a baseline has settled nothing: what it has neither to read nor to settle was before its time.
local baseline = book[3] and total(3) or total(1) - unread - working
local settled = total(6) + total(7) + total(8) + total(9)
local again = math.max(0, settled + unread + working - (total(1) - baseline + total(4) + total(5)))

redis.call('PERSIST', KEYS[2]) -- a full Redis refuses XGROUP CREATE and HSET as the first write, and not after this
if not group then redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], low, 'MKSTREAM') end
redis.call('HSET', KEYS[3], ARGV[1], low)
redis.call('HSET', KEYS[2], names[3], string.format('%.0f', baseline),
  names[4], string.format('%.0f', total(4) + again))
return {what, epoch, low, string.format('%.0f', again)}
