-- Settles entries of one partition: each one that the caller still owns, with everything that hangs on it, or not at
-- all.
--
-- KEYS  1 events, 2 ledger, 3 state, 4 dead letters
-- ARGV  1 pipeline, 2 consumer, 3 most keys of the state, 4 the state's field for what is beyond them;
--       then for each entry: its id, events processed, events filtered, number of letters, number of additions,
--         for each letter: its place in the entry ('' for the whole), error, batch, events in it
--         for each addition: field of the state, count
--
-- Returns for each entry, in order: 1 settled, 0 not the caller's (any more).
--
-- It reads first. The first write is XACK, which a full Redis allows: so a full Redis drains. What Redis would refuse
-- for another reason (no such group, a key of another type) is refused before anything is written.
local function text(n) return string.format('%.0f', n) end

local owned, outcome = {}, {}
local processed, filtered, dead = 0, 0, 0
local fields, sums, letters = {}, {}, {}

local at = 5
while at <= #ARGV do
  local id = ARGV[at]
  local mine = #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 1
  outcome[#outcome + 1] = mine and 1 or 0
  local to = at + 5 + 4 * tonumber(ARGV[at + 3])
  local stop = to + 2 * tonumber(ARGV[at + 4])
  if mine then
    owned[#owned + 1] = id
    processed = processed + tonumber(ARGV[at + 1])
    filtered = filtered + tonumber(ARGV[at + 2])
    for i = at + 5, to - 1, 4 do
      dead = dead + tonumber(ARGV[i + 3])
      letters[#letters + 1] = {id, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]}
    end
    for i = to, stop - 1, 2 do
      local field = ARGV[i]
      if not sums[field] then fields[#fields + 1] = field end
      sums[field] = (sums[field] or 0) + tonumber(ARGV[i + 1])
    end
  end
  at = stop
end
if #owned == 0 then return outcome end

-- Which fields have a place: those that are there, and new ones until there are as many as may be.
local most, keys = tonumber(ARGV[3]), 0
if #fields > 0 then keys = redis.call('HLEN', KEYS[3]) end
local placed, beyond = fields, 0
if keys + #fields > most then
  placed = {}
  for _, field in ipairs(fields) do
    local known = redis.call('HEXISTS', KEYS[3], field) == 1
    if known or keys < most then
      placed[#placed + 1] = field
      if not known then keys = keys + 1 end
    else
      beyond = beyond + sums[field]
    end
  end
end

redis.call('XACK', KEYS[1], ARGV[1], unpack(owned))
if processed > 0 then redis.call('HINCRBY', KEYS[2], 'processed:' .. ARGV[1], text(processed)) end
if filtered > 0 then redis.call('HINCRBY', KEYS[2], 'filtered:' .. ARGV[1], text(filtered)) end
if dead > 0 then redis.call('HINCRBY', KEYS[2], 'dead:' .. ARGV[1], text(dead)) end
for _, field in ipairs(placed) do redis.call('HINCRBY', KEYS[3], field, text(sums[field])) end
if beyond > 0 then redis.call('HINCRBY', KEYS[3], ARGV[4], text(beyond)) end
for _, l in ipairs(letters) do
  redis.call('XADD', KEYS[4], '*', 'entry', l[1], 'index', l[2], 'error', l[3], 'b', l[4], 'n', l[5])
end
return outcome
