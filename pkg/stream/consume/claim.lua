-- Takes entries over from a consumer whose lease is absent.
--
-- KEYS  1 events, 2 the other's lease, 3 the caller's lease
-- ARGV  1 pipeline, 2 the other, 3 the caller, 4 most entries, 5 most events
--
-- Returns
--   {'alive'}           nothing done: the other has a lease
--   {'lapsed'}          nothing done: the caller has none itself
--   {'gone'}            the other had nothing pending and is deleted
--   {'claimed', entry, ...}  now the caller's; each entry is {id, times delivered, events in it, batch}
--
-- The ids of entries say how many events are in them, so the number of events is bounded before anything is moved.
-- Entries that somebody deleted from the stream by hand are dropped by Redis as they are claimed.
if redis.call('EXISTS', KEYS[2]) == 1 then return {'alive'} end
if redis.call('EXISTS', KEYS[3]) == 0 then return {'lapsed'} end

local rows = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])
if #rows == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
  return {'gone'}
end

local ids, times, events = {}, {}, 0
for _, row in ipairs(rows) do
  if #ids > 0 and events >= tonumber(ARGV[5]) then break end
  ids[#ids + 1] = row[1]
  times[row[1]] = row[4] + 1
  events = events + tonumber(string.match(row[1], '%-(%d+)$')) % 1024
end

local reply = {'claimed'}
for _, entry in ipairs(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, unpack(ids))) do
  if entry and entry[2] then
    local fields = {}
    for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
    reply[#reply + 1] = {entry[1], times[entry[1]], fields['n'] or '', fields['b'] or ''}
  end
end
return reply
