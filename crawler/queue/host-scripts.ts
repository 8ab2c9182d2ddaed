/** The steps of `host-lines.ts` in Redis: each is one script, and each key that it names begins with `base` or `lanes`. */
import { Script } from './redis.ts';

/** Who waits for a host on the way, or for one who is there on the way, asks again after so long. */
const VISIT_LOOK_MS = 100;
/** Who has not asked again for so long does not wait any more. */
const EXPECTED_MS = 2_000;
/** A process that died has its place at a host that redirects led to for at most so long: no fetch takes longer. */
const VISIT_MS = 45_000;

/** Hosts that one look takes in, at random. */
const LOOK_HOSTS_MAX = 64;
/** Lines that one clearing script takes away. */
const CLEAR_HOSTS_MAX = 200;

const HEAD = `
local call, base, lanes = redis.call, KEYS[1], KEYS[2]
local jobs, claims, taken, hosts = base .. 'jobs', base .. 'claims', base .. 'taken', base .. 'hosts'
local held, since, paused = base .. 'held', base .. 'since', base .. 'paused'
local function line(host) return base .. 'line:' .. host end
local function gapLeft(host, most)
  local left = call('PTTL', base .. 'gap:' .. host)
  -- Longer than a gap: the server's clock was set back.
  if left > most then return 0 end
  return math.max(left, 0)
end
local function nowMs()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function ms(number) return string.format('%.0f', number) end
-- When the server's memory began, and in which run of it: later than the last claims where it came up empty.
local function memory()
  local known = call('GET', since)
  if not known then
    known = ms(nowMs()) .. ' ?'
    call('SET', since, known)
  end
  return string.match(known, '^(%d+) (.*)$')
end
local function settleLeft(settle)
  local left = tonumber((memory())) + settle - nowMs()
  if left > settle then return 0 end
  return math.max(left, 0)
end
-- A lane whose holder said, after the server came up empty, that it has a request in flight.
local function heldLeft(lane, most)
  local till = string.match(call('HGET', held, lane) or '', '^%d+')
  if not till then return 0 end
  local left = tonumber(till) - nowMs()
  if left > 0 and left <= most then return left end
  call('HDEL', held, lane)
  return 0
end
local function holderOf(lane) return string.match(call('HGET', held, lane) or '', '\\n(.*)$') end
-- Where redirects have led a lane's request: its token, a line end, the host; no host: it waits for one.
local away = base .. 'away'
local function placeOf(lane, token)
  local who, host = string.match(call('HGET', away, lane) or '', '^([^\\n]*)\\n(.*)$')
  if who == token then return host end
end
local function rest(host, gap) if gap > 0 then call('SET', base .. 'gap:' .. host, '', 'PX', gap) end end
local function countOf(key)
  call('ZREMRANGEBYSCORE', key, '-inf', nowMs())
  return call('ZCARD', key)
end
local function visitors(host) return countOf(base .. 'visits:' .. host) end
local function expected(host) return countOf(base .. 'expected:' .. host) end
local function leave(lane, token, gap)
  local at = placeOf(lane, token)
  if at == '' then return end
  if at then call('ZREM', base .. 'visits:' .. at, token) end
  rest(at or string.match(lane, '^(.*)/[^/]*$'), gap)
end
-- Lanes of the host with a request at it, but for one.
local function busyLanes(host, connections, but)
  local busy = 0
  for i = 0, connections - 1 do
    local lane = host .. '/' .. i
    local feed = lane ~= but and call('HGET', taken, lane)
    local token = feed and string.match(call('HGET', claims, feed) or '', '^[^\\n]*')
    local till = lane ~= but and string.match(call('HGET', held, lane) or '', '^%d+')
    if not token and till and tonumber(till) > nowMs() then token = holderOf(lane) end
    if token and not placeOf(lane, token) then busy = busy + 1 end
  end
  return busy
end
-- Those who come from elsewhere have the host, or come before those in its line.
local function visitLeft(host, connections, lane)
  if expected(host) > 0 then return ${VISIT_LOOK_MS} end
  local there = visitors(host)
  if there > 0 and there + busyLanes(host, connections, lane) >= connections then return ${VISIT_LOOK_MS} end
  return 0
end
local function put(host, feed, score)
  call('ZADD', line(host), score, feed)
  call('SADD', hosts, host)
end
local function lanesWithout(host, connections, found)
  for i = 0, math.min(connections, call('ZCARD', line(host))) - 1 do
    local lane = host .. '/' .. i
    if call('EXISTS', lanes .. lane) == 0 then table.insert(found, lane) end
  end
end
local function waiting() return call('HLEN', jobs) - call('HLEN', claims) end
local function inFlight(claim)
  local count = call('HLEN', claims)
  for _, lane in ipairs(call('HKEYS', held)) do
    if heldLeft(lane, claim) > 0 then count = count + 1 end
  end
  return count
end
`;

// A feed in `jobs`: its host, a line end, the job. Urgent feeds have scores below zero.
export const ADD = new Script(`${HEAD}
local max, connections, more = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local fresh, seen = 0, {}
for i = 4, #ARGV, 5 do
  if not seen[ARGV[i]] and call('HEXISTS', jobs, ARGV[i]) == 0 then fresh = fresh + 1 end
  seen[ARGV[i]] = true
end
if call('HLEN', jobs) + fresh + more > max then return {-1, waiting(), {}, {}} end
local added, touched, hurried = 0, {}, {}
for i = 4, #ARGV, 5 do
  local feed, host, score, urgent, job = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3] == '1', ARGV[i + 4]
  local known = call('HGET', jobs, feed)
  if not known then
    call('HSET', jobs, feed, host .. '\\n' .. job)
    put(host, feed, score)
    added = added + 1
    touched[host] = true
    if urgent then hurried[host] = true end
  elseif call('HEXISTS', claims, feed) == 0 then
    host = string.match(known, '^[^\\n]*')
    if urgent then put(host, feed, score) hurried[host] = true end
    touched[host] = true
  end
end
local missing, urgent = {}, {}
for host in pairs(touched) do
  local from = #missing
  lanesWithout(host, connections, missing)
  if hurried[host] then for i = 0, connections - 1 do table.insert(urgent, host .. '/' .. i) end end
end
return {added, waiting(), missing, urgent}`);

export const TAKE = new Script(`${HEAD}
local lane, host, token, gap = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local claim, settle, connections = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if call('GET', lanes .. lane .. ':lock') ~= token then return {'lost'} end
local function answer(feed, score)
  local job = string.match(call('HGET', jobs, feed), '\\n(.*)$')
  return {'claimed', job, tonumber(score) < 0 and 1 or 0, call('ZCARD', line(host)), waiting(), (memory()), nowMs()}
end
local before = call('HGET', taken, lane)
if before then
  local holder, score = string.match(call('HGET', claims, before) or '', '^([^\\n]*)\\n(.*)$')
  if holder == token then return answer(before, score) end
  -- Whoever had the lane is gone: the feed waits again.
  call('HDEL', taken, lane)
  call('HDEL', away, lane)
  call('HDEL', claims, before)
  if holder and call('HEXISTS', jobs, before) == 1 then put(host, before, score) end
end
local first = call('ZRANGE', line(host), 0, 0, 'WITHSCORES')
if #first == 0 then call('SREM', hosts, host) return {'empty'} end
local by = call('GET', paused)
if by then return {'paused', by} end
local left = math.max(gapLeft(host, gap), settleLeft(settle), heldLeft(lane, claim), visitLeft(host, connections, lane))
if left > 0 then return {'wait', left} end
call('ZREM', line(host), first[1])
if call('EXISTS', line(host)) == 0 then call('SREM', hosts, host) end
call('HSET', claims, first[1], token .. '\\n' .. first[2])
call('HSET', taken, lane, first[1])
if gap > 0 then call('SET', base .. 'gap:' .. host, '', 'PX', gap) end
return answer(first[1], first[2])`);

export const END = new Script(`${HEAD}
local lane, host, token, gap, feed, back = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
local holder, score = string.match(call('HGET', claims, feed) or '', '^([^\\n]*)\\n(.*)$')
-- The request may have left long after the claim, so the gap counts from its end.
local function ended()
  leave(lane, token, gap)
  if placeOf(lane, token) then call('HDEL', away, lane) end
end
if holder == token then
  call('HDEL', claims, feed)
  call('HDEL', taken, lane)
  if back then put(host, feed, score) else call('HDEL', jobs, feed) end
  ended()
elseif holderOf(lane) == token then
  call('HDEL', held, lane)
  ended()
end
if call('GET', lanes .. lane .. ':lock') ~= token then return {'lost'} end
local first = call('ZRANGE', line(host), 0, 0, 'WITHSCORES')
local urgent = #first > 0 and tonumber(first[2]) < 0
return {'next', call('ZCARD', line(host)), gapLeft(host, gap), urgent and 1 or 0}`);

export const GO_ON = new Script(`${HEAD}
local lane, token, host = ARGV[1], ARGV[2], ARGV[3]
local connections, gap = tonumber(ARGV[4]), tonumber(ARGV[5])
leave(lane, token, gap)
call('HSET', away, lane, token .. '\\n')
local left = gapLeft(host, gap)
if visitors(host) + busyLanes(host, connections) >= connections then left = math.max(left, ${VISIT_LOOK_MS}) end
local waits = base .. 'expected:' .. host
if left > 0 then
  call('ZADD', waits, nowMs() + ${EXPECTED_MS}, token)
  call('PEXPIRE', waits, ${EXPECTED_MS})
  return {math.min(left, ${VISIT_LOOK_MS})}
end
call('ZREM', waits, token)
call('ZADD', base .. 'visits:' .. host, nowMs() + ${VISIT_MS}, token)
call('PEXPIRE', base .. 'visits:' .. host, ${VISIT_MS})
call('HSET', away, lane, token .. '\\n' .. host)
rest(host, gap)
return {0}`);

export const LOOK = new Script(`${HEAD}
local delayed, connections, gap = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local claim, settle = tonumber(ARGV[5]), settleLeft(tonumber(ARGV[6]))
local sample = ARGV[4] == '' and call('SRANDMEMBER', hosts, ${LOOK_HOSTS_MAX}) or {ARGV[4]}
local missing, late, ms = {}, {}, -1
for _, host in ipairs(sample) do
  lanesWithout(host, connections, missing)
  for i = 0, connections - 1 do
    local lane = host .. '/' .. i
    if call('ZSCORE', delayed, lane) then
      local left = math.max(gapLeft(host, gap), settle, heldLeft(lane, claim), visitLeft(host, connections, lane))
      if left == 0 then table.insert(late, lane) elseif ms < 0 or left < ms then ms = left end
    end
  end
end
return {waiting(), inFlight(claim), ms, missing, late, nowMs(), call('GET', paused)}`);

export const GREET = new Script(`${HEAD}
local at, run = memory()
if run == '?' then
  call('SET', since, at .. ' ' .. ARGV[1])
elseif run ~= ARGV[1] then
  call('SET', since, ms(nowMs()) .. ' ' .. ARGV[1])
end
return {}`);

export const HOLD = new Script(`${HEAD}
local claim, mine, began = tonumber(ARGV[1]), {}, memory()
for i = 2, #ARGV, 3 do
  local lane, token, known = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local holder = heldLeft(lane, claim) > 0 and holderOf(lane)
  local forgotten = known ~= began and call('EXISTS', lanes .. lane .. ':lock') == 0 and not holder
  if holder == token or forgotten then
    call('HSET', held, lane, ms(nowMs() + claim) .. '\\n' .. token)
    table.insert(mine, lane)
  end
end
return mine`);

export const PAUSE = new Script(`${HEAD}
call('SET', paused, ARGV[1])
return {}`);

export const RESUME = new Script(`${HEAD}
if call('GET', paused) ~= ARGV[1] then return {0} end
call('DEL', paused)
return {1}`);

// Pauses too: a server that lost its memory meanwhile has forgotten that it was.
export const DRAIN = new Script(`${HEAD}
call('SET', paused, ARGV[1])
local reclaimed, lane = 0, nil
for i, value in ipairs(call('HGETALL', taken)) do
  if i % 2 == 1 then
    lane = value
  else
    local holder, score = string.match(call('HGET', claims, value) or '', '^([^\\n]*)\\n(.*)$')
    if not holder or call('GET', lanes .. lane .. ':lock') ~= holder then
      call('HDEL', taken, lane)
      call('HDEL', claims, value)
      if holder and call('HEXISTS', jobs, value) == 1 then put(string.match(lane, '^(.*)/[^/]*$'), value, score) end
      reclaimed = reclaimed + 1
    end
  end
end
return {waiting(), inFlight(tonumber(ARGV[2])), ARGV[1], reclaimed}`);

export const CLEAR = new Script(`${HEAD}
local cleared = 0
for _, host in ipairs(call('SPOP', hosts, ${CLEAR_HOSTS_MAX})) do
  for _, feed in ipairs(call('ZRANGE', line(host), 0, -1)) do cleared = cleared + call('HDEL', jobs, feed) end
  call('DEL', line(host))
end
return {cleared, call('SCARD', hosts)}`);
