-- Ends a consumer: what it has not settled may be taken over at once, and its lease is gone.
--
-- KEYS  1 events, 2 lease
-- ARGV  1 pipeline, 2 consumer, 3 the consumer that is nobody
--
-- Returns how many entries were left. Others take entries over only from consumers whose lease they have missed for a
-- while; what belongs to nobody they take at once. JUSTID: being handed over is not being delivered.
redis.call('DEL', KEYS[2])
local left = 0
while true do
  local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])
  if rows.err then return left end -- the group is gone, and with it what it would have to hand over
  if #rows == 0 then break end
  local ids = {}
  for i, row in ipairs(rows) do ids[i] = row[1] end
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, unpack(ids), 'JUSTID')
  left = left + #ids
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return left
