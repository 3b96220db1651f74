-- Writes a gateway's totals of what never reached the stream. Totals, not additions: writing them again, or
-- losing one, changes nothing.
--
-- KEYS  1 counts
-- ARGV  1 instance, 2 rejected, 3 dropped
redis.call('PERSIST', KEYS[1]) -- a full Redis refuses HSET as the first write
redis.call('HSET', KEYS[1], ARGV[1] .. ':rejected', ARGV[2], ARGV[1] .. ':dropped', ARGV[3])
return 1
