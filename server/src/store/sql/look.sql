-- Whether there is anything to sweep. What is found is taken up by statements of its own, which check again; when
-- there is nothing, as nearly always, this is all that a replica asks. For shards to hand out it looks at instances
-- from $1 on.
select
    exists (select from client_lease l where l.expires_at <= now()) as expired,
    exists (select from shard_running r where r.deadline_at <= now()) as overdue_claims,
    exists (select from instance i where i.deadline_at <= now()) as overdue_instances,
    exists (select from shard_delayed d where d.due_at <= now()) as delayed,
    exists (select from instance_queued q where q.due_at <= now() + interval '1 s')
        or exists (select from dependency_event)
        or exists (select from job_schedule s where s.fixed_delay_ms is not null and s.next_fire_at is null) as startable,
    exists (select from instance i where i.phase = 'broadcast') as broadcasts,
    exists (select from instance_queued)
        or exists (select from job_dependency)
        or exists (select from job_schedule s where s.fixed_delay_ms is not null) as follows,
    array(select substr(l.key, 5)::bigint from claim_limit l where l.key >= 'app:' and l.key < 'app;' order by l.key) as limited_apps,
    -- As discover.sql looks, for the same reasons. What lies below need not be read by the claimer, whom everybody
    -- waits for: while somebody holds a snapshot, it is very many dead rows.
    (select i.id from instance i
        where i.id >= $1 and (select r.id from shard_ready r where r.instance_id = i.id order by r.id desc limit 1) is not null
        order by i.id limit 1) as ready_from,
    (select i.id from instance i where i.id >= $1 order by i.id limit 1) as lowest
