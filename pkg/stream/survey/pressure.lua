-- How old the oldest event of a partition is that some pipeline has not processed: what intake goes by.
--
-- KEYS  1 events, 2 groups
--
-- Returns its age in ms by Redis's own clock, or '-1' when all is processed. What comes after a pipeline's low-water
-- mark is not processed; workers save the mark once a second, so the age may be that much too high. Without any
-- pipeline nothing is processed.
local marks = redis.call('HVALS', KEYS[2])
if #marks == 0 then marks = {'0-0'} end

local oldest
for _, mark in ipairs(marks) do
  local ms, sequence = string.match(mark, '^(%d+)%-?(%d*)$')
  local from = ms .. '-' .. string.format('%.0f', (tonumber(sequence) or 0) + 1)
  local first = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 1)[1]
  if first then
    local at = tonumber(string.match(first[1], '^(%d+)'))
    if not oldest or at < oldest then oldest = at end
  end
end
if not oldest then return '-1' end
local now = redis.call('TIME')
local age = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000) - oldest
return string.format('%.0f', math.max(age, 0))
