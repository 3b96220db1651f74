-- Renews the lease of a consumer in one partition, and saves how far its group has come.
--
-- KEYS  1 lease, 2 events, 3 groups, 4 epoch
-- ARGV  1 pipeline, 2 life of the lease in ms, 3 '1' to begin a new lease, '0' to renew one
--
-- Returns {'renewed' or 'lapsed', epoch, 'group' or 'nogroup'}. A lease that had lapsed is not begun again: its
-- consumer's entries may be others' by now, so its worker goes on under another name.
--
-- The low-water mark is the place just before the oldest entry that is delivered and not settled, else the last one
-- delivered: a group that vanishes begins again there. It is saved each time, so that little is read again; but not
-- for a pipeline that is not registered, which would come back by it.
local alive = redis.call('PEXPIRE', KEYS[1], ARGV[2]) == 1 -- a full Redis allows it, and then all that follows
if not alive and ARGV[3] == '1' then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  alive = true
end

local function low()
  local oldest = redis.pcall('XPENDING', KEYS[2], ARGV[1], '-', '+', 1)
  if oldest.err then return nil end -- no such group
  if oldest[1] then
    local ms, sequence = string.match(oldest[1][1], '^(%d+)%-(%d+)$')
    return ms .. '-' .. string.format('%.0f', math.floor(tonumber(sequence) / 1024) * 1024)
  end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    local row = {}
    for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
    if row['name'] == ARGV[1] then return row['last-delivered-id'] end
  end
end

local mark = low()
-- A group's consumers tell who is there. Redis before 7.2 has no consumer for a reader that was given nothing yet.
if mark and alive then
  redis.call('XGROUP', 'CREATECONSUMER', KEYS[2], ARGV[1], string.match(KEYS[1], '^.-:lease:(.*)$'))
end
local saved = redis.call('HGET', KEYS[3], ARGV[1])
if mark and saved and saved ~= mark then redis.call('HSET', KEYS[3], ARGV[1], mark) end
return {alive and 'renewed' or 'lapsed', redis.call('GET', KEYS[4]) or '', mark and 'group' or 'nogroup'}
