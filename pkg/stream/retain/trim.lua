-- Cuts off the old end of a partition: what every registered pipeline has settled and nobody keeps any more.
--
-- KEYS  1 events, 2 groups, 3 ledger, 4 trimmer
-- ARGV  1 caller, 2 life of the trimmer's lease in ms, 3 keep entries this long, in ms, 4 bytes that may be kept
--
-- Returns {'trimmed', entries, events}, or {'held', who} when another one trims this partition. Without a registered
-- pipeline nothing is cut: a pipeline that is still to come begins with the oldest entry.
--
-- How far all pipelines have come is computed here, from the groups themselves: a figure that was read before could
-- be of a group that has vanished since. For one that has vanished it is the low-water mark that was saved.
-- The ids of entries count (<ms>-<events before x 1024 + events in it>): bytes are estimated from events.
local holder = redis.call('GET', KEYS[4])
if holder and holder ~= ARGV[1] then return {'held', holder} end

local function parts(id)
  local ms, sequence = string.match(id, '^(%d+)%-?(%d*)$')
  return tonumber(ms), tonumber(sequence) or 0
end

local function text(ms, sequence) return string.format('%.0f-%.0f', ms, sequence) end

local function before(id)
  local _, sequence = parts(id)
  return math.floor(sequence / 1024)
end

local function less(a, b)
  local am, as = parts(a)
  local bm, bs = parts(b)
  return am < bm or (am == bm and as < bs)
end

-- The first id that a pipeline still needs.
local function needs(pipeline, delivered)
  local oldest = redis.call('XPENDING', KEYS[1], pipeline, '-', '+', 1)[1]
  if oldest then return oldest[1] end
  local ms, sequence = parts(delivered)
  return text(ms, sequence + 1)
end

local function oldestNeeded()
  local delivered = {}
  if redis.call('EXISTS', KEYS[1]) == 1 then
    for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
      local row = {}
      for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
      delivered[row['name']] = row['last-delivered-id']
    end
  end
  local registered, least = redis.call('HGETALL', KEYS[2]), nil
  for i = 1, #registered, 2 do
    local group, id = delivered[registered[i]], nil
    if group then
      id = needs(registered[i], group)
    else
      local ms, sequence = parts(registered[i + 1])
      id = text(ms, sequence + 1)
    end
    if not least or less(id, least) then least = id end
  end
  return least
end

local function entry(from)
  local found = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1]
  return found and found[1]
end

-- The id before which entries are too old.
local function tooOld()
  local now = redis.call('TIME')
  return text(math.max(0, tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) - tonumber(ARGV[3])), 0)
end

-- The id before which entries are too many: the first millisecond at which no more than the budget is left. Which
-- entry has how many before it is looked up by halving the time that the stream spans.
local function tooMany(first, book)
  local accepted, bytes = tonumber(book[1] or '0'), tonumber(book[2] or '0')
  if accepted == 0 or bytes == 0 then return '0-0' end
  local least = accepted - tonumber(ARGV[4]) * accepted / bytes -- events before the first that may stay
  if before(first) >= least then return '0-0' end
  local low, high = parts(first), tonumber(book[3] or '0') + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    local found = entry(text(middle, 0))
    if found and before(found) < least then low = middle + 1 else high = middle end
  end
  return text(low, 0)
end

local first, cut, removed, events = entry('-'), nil, 0, 0
local book = redis.call('HMGET', KEYS[3], 'accepted', 'bytes', 'ms')
if first then
  cut = tooOld()
  local many = tooMany(first, book)
  if less(cut, many) then cut = many end
  local needed = oldestNeeded()
  if not needed then cut = nil elseif less(needed, cut) then cut = needed end
end

redis.call('PERSIST', KEYS[4]) -- a full Redis refuses SET as the first write, and not after this
redis.call('SET', KEYS[4], ARGV[1], 'PX', ARGV[2])
if cut and less(first, cut) then
  removed = redis.call('XTRIM', KEYS[1], 'MINID', cut)
  local rest = entry('-')
  events = (rest and before(rest) or tonumber(book[1] or '0')) - before(first)
  redis.call('HINCRBY', KEYS[3], 'trimmed', string.format('%.0f', events))
end
return {'trimmed', removed, string.format('%.0f', events)}
