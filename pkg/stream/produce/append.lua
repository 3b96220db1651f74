-- Appends one batch of events to a partition, exactly once, or says why not. All or nothing.
--
-- KEYS  1 events, 2 ledger, 3 layout, 4 epoch, 5... the mark of each part
-- ARGV  1 partitions, 2 limits, 3 batch, 4 events in it, 5 duplicates to count, 6 life of a mark in ms,
--       then for each part its first and its last number
--
-- A part is what one session adds; its mark is the highest number of that session stored here. Numbers are
-- stored in order, so a part whose first number is not above its mark has been stored, or begins with what has.
--
-- Returns
--   {'stored', id, epoch}            appended (id is '' when only duplicates were to be counted)
--   {'repeated', part, mark, ...}    nothing written: these parts begin at or below their marks; the caller cuts
--                                    them and tries again. A script can't cut bytes, and this is rare.
--   {'unprepared'}                   nothing written: no layout or epoch; Redis is new or has lost them
--   {'differs', partitions, limits}  nothing written: this stream is not the one that the caller means
--
-- It reads and refuses first and writes last: Lua does not roll back. XADD is the first write, so a full
-- Redis refuses the whole.
local layout = redis.call('HMGET', KEYS[3], 'partitions', 'limits')
local epoch = redis.call('GET', KEYS[4])
if not (layout[1] and layout[2] and epoch) then return {'unprepared'} end
if layout[1] ~= ARGV[1] or layout[2] ~= ARGV[2] then return {'differs', layout[1], layout[2]} end

-- Two connections of one session may have parts in one batch: what the first brings counts for the second.
local repeated, marks = {'repeated'}, {}
for i = 5, #KEYS do
  local mark = marks[KEYS[i]] or redis.call('GET', KEYS[i])
  if mark and tonumber(mark) >= tonumber(ARGV[2 * i - 3]) then
    repeated[#repeated + 1] = string.format('%.0f', i - 5)
    repeated[#repeated + 1] = mark
  end
  if not mark or tonumber(mark) < tonumber(ARGV[2 * i - 2]) then mark = ARGV[2 * i - 2] end
  marks[KEYS[i]] = mark
end
if #repeated > 1 then return repeated end

local events, id = tonumber(ARGV[4]), ''
if events > 0 then
  local book = redis.call('HMGET', KEYS[2], 'accepted', 'bytes', 'ms')
  local before, bytes = tonumber(book[1] or '0'), tonumber(book[2] or '0')
  local now = redis.call('TIME')
  -- Never below the last entry's: the clock of a Redis that took over may be behind.
  local ms = math.max(tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000), tonumber(book[3] or '0'))
  -- The id counts: 1024 is more than an entry holds. '%.0f' because '..' turns 1e14 into '1e+14'.
  id = string.format('%.0f-%.0f', ms, before * 1024 + events)
  redis.call('XADD', KEYS[1], id, 'b', ARGV[3], 'n', ARGV[4])
  redis.call('HSET', KEYS[2], 'accepted', string.format('%.0f', before + events),
    'bytes', string.format('%.0f', bytes + #ARGV[3]), 'ms', string.format('%.0f', ms))
  for i = 5, #KEYS do
    redis.call('SET', KEYS[i], ARGV[2 * i - 2], 'PX', ARGV[6])
  end
end
if ARGV[5] ~= '0' then
  redis.call('PERSIST', KEYS[2]) -- a full Redis refuses HINCRBY as the first write
  redis.call('HINCRBY', KEYS[2], 'duplicates', ARGV[5])
end
return {'stored', id, epoch}
