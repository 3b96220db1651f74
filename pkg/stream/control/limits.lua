-- Sets limits, and removes some that were set. The part after change.lua.
--
-- ARGV  3 how many are set, then the name and the value of each, then the names of those removed
local fields = {'limits', at .. ' ' .. change}
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do
  fields[#fields + 1] = 'limit:' .. ARGV[i]
  fields[#fields + 1] = ARGV[i + 1]
end
local done = record(fields)
for i = last + 1, #ARGV do redis.call('HDEL', control, 'limit:' .. ARGV[i]) end
return done
