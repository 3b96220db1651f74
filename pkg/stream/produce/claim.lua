-- Says what an idempotency key was used for, and, if asked to, claims it for this body.
--
-- KEYS  1 claim
-- ARGV  1 hash of the body, 2 life of a claim in ms, 3 '1': make it if nobody has
--
-- Returns 'known' (this body), 'other' (another one), 'made', or 'free' (nobody has, and it was not to be made). A claim
-- that is there is not kept for longer: the marks of what was stored under it don't live longer either.
--
-- SET is the first write, so a full Redis refuses it: rightly, nothing is stored under it yet.
local held = redis.call('GET', KEYS[1])
if held then
  return held == ARGV[1] and 'known' or 'other'
end
if ARGV[3] ~= '1' then return 'free' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'made'
