-- Makes the layout and the epoch of a partition if they are missing.
--
-- KEYS  1 layout, 2 epoch
-- ARGV  1 partitions, 2 limits ('' when the caller appends nothing), 3 an epoch to use
--
-- Returns {'prepared'}, or {'differs', partitions, limits} with what is there, and then changes nothing. The
-- epoch comes as an argument because math.random repeats itself after each restart of Redis.
local held = redis.call('HMGET', KEYS[1], 'partitions', 'limits')
local partitions, limits = held[1] or ARGV[1], held[2] or ARGV[2]
if partitions ~= ARGV[1] or (ARGV[2] ~= '' and limits ~= ARGV[2]) then
  return {'differs', partitions, limits}
end

-- A full Redis refuses SET and HSET as a script's first write and allows them after PERSIST, which it allows.
redis.call('PERSIST', KEYS[1])
if not held[1] then redis.call('HSET', KEYS[1], 'partitions', partitions) end
if not held[2] and limits ~= '' then redis.call('HSET', KEYS[1], 'limits', limits) end
redis.call('SET', KEYS[2], ARGV[3], 'NX')
return {'prepared'}
