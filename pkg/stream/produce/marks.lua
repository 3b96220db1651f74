-- Reads the mark of a session in one partition, and keeps it for another life.
--
-- KEYS  1 mark, 2 epoch
-- ARGV  1 life of a mark in ms
--
-- Returns {mark or '', epoch or ''}. A mark that is not there is not made: connecting alone fills nothing.
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''}
