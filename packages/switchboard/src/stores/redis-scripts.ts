/**
 * What the Redis store does in one step. The clock is Redis' own, so that nodes with different clocks agree about leases. Arguments are
 * text; a name of a lease that is empty means that nothing is written under one.
 */

export type ScriptName =
  | 'put'
  | 'take'
  | 'delete'
  | 'acquire'
  | 'renew'
  | 'holder'
  | 'add'
  | 'takeTokens'
  | 'share'
  | 'append'
  | 'end'
  | 'recall';

/** A lease is that of this epoch, also after its end, until another has it. */
const ALLOWS = `
local function allows(key, epoch)
  return epoch == '' or redis.call('HGET', key, 'epoch') == epoch
end`;
/**
 * What is written of a log waits while the store has lost the lease, or has it under an epoch that its owner does not know yet: that one gets
 * it again, or hears of it.
 */
const STANDING = `
local function standing(key, epoch, owner)
  if epoch == '' then return 'ok' end
  local by, known = unpack(redis.call('HMGET', key, 'owner', 'epoch'))
  if known == epoch then return 'ok' end
  return known and by ~= owner and tonumber(known) > tonumber(epoch) and 'fenced' or 'unknown'
end`;
/**
 * Whoever takes a log over has a greater claim to it than all before, also than those that were lost. Logs of versions that know of no claims
 * have none.
 */
const CLAIMS = `
local function claimOf(text)
  return text and tonumber(text) or 0
end
local function claimAfter(claim)
  local time = redis.call('TIME')
  return math.max(claim + 1, time[1] * 1000000 + time[2])
end`;
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  /** KEYS: fact, lease, index. ARGV: value, ttl, epoch, the key in the index or nothing. */
  put: `${ALLOWS}${NOW}
if not allows(KEYS[2], ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[4] ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[4])
  -- It ends with the last of what it lists; versions before this one do not prolong it.
  local latest = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2]
  redis.call('PEXPIREAT', KEYS[3], string.format('%d', tonumber(latest) + 86400000))
end
return 1`,
  /** KEYS: fact, lease, index. ARGV: the key in the index. */
  take: `
local value = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return value`,
  /** KEYS: fact, lease, index. ARGV: epoch, the key in the index. */
  delete: `${ALLOWS}
if not allows(KEYS[2], ARGV[1]) then return 0 end
redis.call('ZREM', KEYS[3], ARGV[2])
return redis.call('DEL', KEYS[1])`,
  /** KEYS: lease, counter of epochs. ARGV: owner, ttl, how long it is known after its end. @returns whether it was got, owner, epoch. */
  acquire: `${NOW}
local owner, epoch, ends = unpack(redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'ends'))
local held = owner and tonumber(ends) > now
if held and owner ~= ARGV[1] then return {0, owner, epoch} end
if not held then
  -- Epochs grow also over the loss of what a replica had not heard of, or of all of this.
  epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or 0) + 1, tonumber(epoch or 0) + 1, now)
  epoch = string.format('%d', epoch)
  -- After a day the time is ahead of it.
  redis.call('SET', KEYS[2], epoch, 'PX', 86400000)
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', epoch, 'ends', string.format('%d', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
return {1, ARGV[1], epoch}`,
  /** KEYS: lease. ARGV: epoch, ttl, how long it is known after its end. A ttl of 0 lets go of it. */
  renew: `${NOW}
local epoch, ends = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'ends'))
if epoch ~= ARGV[1] or tonumber(ends) <= now then return 0 end
redis.call('HSET', KEYS[1], 'ends', string.format('%d', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2] + ARGV[3])
return 1`,
  /** KEYS: lease. @returns owner and epoch of who has it now, and for how many ms. */
  holder: `${NOW}
local owner, epoch, ends = unpack(redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'ends'))
if not owner or tonumber(ends) <= now then return {} end
return {owner, epoch, tonumber(ends) - now}`,
  /** KEYS: counter. ARGV: by, ttl. */
  add: `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return count`,
  /** KEYS: bucket. ARGV: wanted, rate a minute, burst. @returns granted, wait in ms, left. */
  takeTokens: `${NOW}
local rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens, at = unpack(redis.call('HMGET', KEYS[1], 'tokens', 'at'))
local per = 60000 / rate
tokens = tokens and math.min(burst, tonumber(tokens) + math.max(0, now - tonumber(at)) / per) or burst
local granted = math.max(0, math.min(math.floor(tokens), math.floor(tonumber(ARGV[1]))))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%d', now))
redis.call('PEXPIRE', KEYS[1], math.max(1, math.ceil((burst - tokens) * per)))
return {granted, tokens >= 1 and 0 or math.ceil((1 - tokens) * per), math.floor(tokens)}`,
  /**
   * KEYS: shares, lease. ARGV: name of the lease, epoch, count, how many all may have or nothing, ttl, what keys of leases begin with, owner
   * of the lease. A share is noted as its count, a space and its owner.
   * @returns whether it was noted, and what others have, each after the name of its lease. Shares of leases that are forgotten, or that
   * another has taken, are deleted.
   */
  share: `${ALLOWS}${NOW}
if not allows(KEYS[2], ARGV[2]) then return {0} end
local said = redis.call('HGETALL', KEYS[1])
local own, sum, answer = 0, 0, {0}
for at = 1, #said, 2 do
  local name = said[at]
  local share, by = string.match(said[at + 1], '^(%d+) (.*)$')
  if name == ARGV[1] then
    if by == ARGV[7] then own = tonumber(share) end
  else
    local owner, ends = unpack(redis.call('HMGET', ARGV[6] .. name, 'owner', 'ends'))
    if not ends or owner ~= by then
      redis.call('HDEL', KEYS[1], name)
    elseif tonumber(ends) > now then
      sum = sum + tonumber(share)
      answer[#answer + 1] = name
      answer[#answer + 1] = share
    end
  end
end
local count = tonumber(ARGV[3])
if count > own and ARGV[4] ~= '' and sum + count > tonumber(ARGV[4]) then return answer end
if count > 0 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[7]) else redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
answer[1] = 1
return answer`,
  /**
   * KEYS: entries, facts of the log, lease. ARGV: epoch, owner, ttl, claim, mode, number of the first entry, last number of all, last number
   * given up, entries. What was written before is not written twice. Modes: `new` gives up what is there; `on` goes on with it; `again`
   * writes all of it once more, where nobody else has taken it over.
   * @returns 'ok' and the claim; 'fenced'; 'unknown' where the lease is; 'taken' where another has taken it over; or 'lost' where a log is
   * gone that had begun, is that of a former owner, or lacks entries that were written and are not given up.
   */
  append: `${STANDING}${CLAIMS}
local stands = standing(KEYS[3], ARGV[1], ARGV[2])
if stands ~= 'ok' then return {stands} end
local own, mode = tonumber(ARGV[4]), ARGV[5]
local first, last, trimmed = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local known, start, claim = unpack(redis.call('HMGET', KEYS[2], 'last', 'start', 'claim'))
claim = claimOf(claim)
if mode ~= 'new' and (claim > own or mode == 'again' and known and own == 0) then return {'taken'} end
if mode == 'on' then
  if not known or (claim > 0 and claim < own) then return {'lost'} end
else
  redis.call('DEL', KEYS[1], KEYS[2])
  known, start = first - 1, first - 1
  if mode == 'new' or own == 0 then own = claimAfter(claim) end
end
known, start = tonumber(known), tonumber(start)
if known < first - 1 and trimmed < first - 1 then return {'lost'} end
local function skip(to)
  redis.call('DEL', KEYS[1])
  known, start = to, to
end
if first - 1 > known then skip(first - 1) end
for at = 9, #ARGV do
  local number = first + at - 9
  if number > known then
    redis.call('RPUSH', KEYS[1], ARGV[at])
    known = number
  end
end
if last > known then skip(last) end
if trimmed > start then
  redis.call('LTRIM', KEYS[1], trimmed - start, -1)
  start = trimmed
end
own = string.format('%.0f', own)
redis.call('HSET', KEYS[2], 'last', string.format('%d', known), 'start', string.format('%d', start), 'claim', own)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {'ok', own}`,
  /** KEYS: entries, facts of the log, lease. ARGV: epoch, owner, claim. @returns 'ok', 'fenced', 'unknown' or 'taken' */
  end: `${STANDING}${CLAIMS}
local stands = standing(KEYS[3], ARGV[1], ARGV[2])
if stands ~= 'ok' then return stands end
if claimOf(redis.call('HGET', KEYS[2], 'claim')) > tonumber(ARGV[3]) then return 'taken' end
redis.call('DEL', KEYS[1], KEYS[2])
return 'ok'`,
  /**
   * KEYS: entries, facts of the log, lease. ARGV: epoch, owner, ttl. Whoever may not write under the lease gets no claim.
   * @returns nothing, or the last number, the entries and the claim.
   */
  recall: `${STANDING}${CLAIMS}
local last, claim = unpack(redis.call('HMGET', KEYS[2], 'last', 'claim'))
if not last then return {} end
claim = claimOf(claim)
if standing(KEYS[3], ARGV[1], ARGV[2]) == 'ok' then
  claim = claimAfter(claim)
  redis.call('HSET', KEYS[2], 'claim', string.format('%.0f', claim))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return {last, redis.call('LRANGE', KEYS[1], 0, -1), string.format('%.0f', claim)}`,
};
