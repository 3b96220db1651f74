-- Reads one partition at one moment, so that its books balance. It writes nothing.
--
-- KEYS  1 events, 2 ledger, 3 groups, 4 epoch, 5 state of the built-in pipeline
-- ARGV  1 prefix of leases, 2 most entries to count in a group, 3 most fields of the state to read
--
-- Returns
--   {epoch, now in ms, ledger as HGETALL, entries, newest id, groups, size of the state, the state as HGETALL}
--   with '' for an id that is not there, and for each registered pipeline
--   {name, low-water mark, last delivered id, first id that was not delivered, entries pending, how many of them were
--    counted, events in those, consumers as name, entries pending, 1 if its lease is alive}
--   where a last delivered id of '' says that the group does not exist.
--
-- Redis tells no id without the whole entry, of up to 256 KiB: so none is asked for where the ledger says that a group
-- has been given everything, which is nearly always.
--
-- What is pending is counted entry by entry: the ids say how many events are in each. An entry takes 1.2 us of a Redis
-- in which nothing else happens meanwhile, so the number is bounded; of the rest only the number is told. Leases are
-- looked up by the names of a group's consumers: looking for keys would walk over every session.
local function text(n) return string.format('%.0f', n) end

local function rows(flat)
  local row = {}
  for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
  return row
end

local function edge(command, from, to)
  local found = redis.call(command, KEYS[1], from, to, 'COUNT', 1)[1]
  return found and found[1] or ''
end

local there = redis.call('EXISTS', KEYS[1]) == 1
local book = redis.call('HGETALL', KEYS[2])
local accepted = tonumber(rows(book)['accepted'] or '0')
local entries, newest, delivered = 0, '', {}
if there then
  entries = redis.call('XLEN', KEYS[1])
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local row = rows(flat)
    delivered[row['name']] = row['last-delivered-id']
  end
end

-- The first entry after an id, which says how many events are before it and in it.
local function after(id)
  local ms, sequence = string.match(id, '^(%d+)%-?(%d*)$')
  sequence = tonumber(sequence) or 0
  if math.floor(sequence / 1024) + sequence % 1024 == accepted then
    if sequence > 0 then newest = id end
    return ''
  end
  return entries > 0 and edge('XRANGE', ms .. '-' .. text(sequence + 1), '+') or ''
end

local function count(pipeline)
  local total = redis.call('XPENDING', KEYS[1], pipeline)[1]
  local counted, events, from = 0, 0, '-'
  local most = math.min(total, tonumber(ARGV[2]))
  while counted < most do
    local page = redis.call('XPENDING', KEYS[1], pipeline, from, '+', math.min(1000, most - counted))
    if #page == 0 then break end
    for _, row in ipairs(page) do
      events = events + tonumber(string.match(row[1], '%-(%d+)$')) % 1024
    end
    counted = counted + #page
    local ms, sequence = string.match(page[#page][1], '^(%d+)%-(%d+)$')
    from = ms .. '-' .. text(tonumber(sequence) + 1)
  end
  return total, counted, events
end

local function consumers(pipeline)
  local flat = {}
  for _, found in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], pipeline)) do
    local row = rows(found)
    flat[#flat + 1] = row['name']
    flat[#flat + 1] = text(row['pending'])
    flat[#flat + 1] = text(redis.call('EXISTS', ARGV[1] .. row['name']))
  end
  return flat
end

local groups, registered = {}, redis.call('HGETALL', KEYS[3])
for i = 1, #registered, 2 do
  local name, low = registered[i], registered[i + 1]
  local at = delivered[name]
  if at then
    local total, counted, events = count(name)
    groups[#groups + 1] = {name, low, at, after(at), text(total), text(counted), text(events), consumers(name)}
  else
    groups[#groups + 1] = {name, low, '', after(low), '0', '0', '0', {}}
  end
end

if newest == '' and entries > 0 then newest = edge('XREVRANGE', '+', '-') end

local size, kept = redis.call('HLEN', KEYS[5]), {}
if size <= tonumber(ARGV[3]) then kept = redis.call('HGETALL', KEYS[5]) end
local now = redis.call('TIME')
return {redis.call('GET', KEYS[4]) or '', text(tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)),
  book, text(entries), newest, groups, text(size), kept}
