-- Keeps lines (shard $1, attempt $2, logged_at $3, level $4, message $5) of attempts that the client $6 has,
-- or had lately.
insert into shard_log (shard_id, attempt, logged_at, level, message)
select l.* from unnest($1::bigint[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[])
    as l (shard_id, attempt, logged_at, level, message)
where exists (select from shard_running r
        where r.client_id = $6 and r.instance_id = l.shard_id >> 17 and r.chunk = ((l.shard_id & 131071) >> 6)::smallint
            and r.open >> (l.shard_id & 63)::integer & 1 = 1 and r.attempt = l.attempt)
    or exists (select from attempt_ended e
        where e.instance_id = l.shard_id >> 17 and e.chunk = ((l.shard_id & 131071) >> 6)::smallint
            and e.mask >> (l.shard_id & 63)::integer & 1 = 1 and e.attempt = l.attempt and e.client_id = $6
            and e.ended_at > now() - interval '1 hour')
