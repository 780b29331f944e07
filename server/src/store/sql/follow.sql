-- The instance $1 of the job $2 has ended with the state $3: queues what follows it, for the server $4. The jobs that do
-- are locked.
with edge as materialized (
    select d.successor_id, d.joins from job_dependency d
    where d.predecessor_id = $2::bigint and case d.on_end
        when 'success' then $3 = 'succeeded'
        when 'failure' then $3 in ('failed', 'timed_out')
        when 'completion' then $3 in ('succeeded', 'failed', 'timed_out')
        else true end
), complete as materialized (
    -- Looked up for each and not joined, as below.
    select e.successor_id, e.joins from edge e
    where e.joins = 'any' or (
        select o.predecessor_id from job_dependency o
        where o.successor_id = e.successor_id and o.predecessor_id <> $2::bigint and o.satisfied_by is null limit 1) is null
), noted as (
    -- What made the successor fire is used up; what does not yet is remembered.
    update job_dependency d set satisfied_by = case when d.successor_id = any (array(select successor_id from complete)) then null else $1::bigint end
    where d.successor_id = any (array(select successor_id from edge where joins = 'all'))
        and (d.predecessor_id = $2::bigint or d.successor_id = any (array(select successor_id from complete)))
), source as materialized (
    -- Whose parameter or outputs the successor gets.
    select c.successor_id, d.pass, d.instance_id
    from complete c
    cross join lateral (
        select d.pass, case when d.predecessor_id = $2::bigint then $1::bigint else d.satisfied_by end as instance_id
        from job_dependency d
        where d.successor_id = c.successor_id and d.pass <> 'nothing' and (c.joins = 'all' or d.predecessor_id = $2::bigint)
        offset 0
    ) d
), passed as materialized (
    select s.successor_id, case s.pass
        when 'param' then (
            select coalesce(e.param, (select v.definition -> 'param' from job_version v where v.job_id = e.job_id and v.version = e.job_version))
            from instance_ended e where e.id = s.instance_id limit 1)
        else (
            -- A rerun has only what did not succeed before: the rest is of the instance that it repeats.
            with recursive chain (id, cause_id, trigger, depth) as (
                select e.id, e.cause_id, e.trigger, 0 from instance_ended e where e.id = s.instance_id
                union all
                select e.id, e.cause_id, e.trigger, c.depth + 1 from chain c join instance_ended e on e.id = c.cause_id where c.trigger = 'rerun'
            )
            select jsonb_agg(case when o.sum <= 1000000 then o.output end order by o.item)
            from (
                select l.item, l.output, sum(octet_length(l.output)) over (order by l.item)
                from (
                    select distinct on (h.item) h.item, h.output
                    from chain c cross join lateral (select h.item, h.output from attempt_history h where h.instance_id = c.id and h.final offset 0) h
                    order by h.item, c.depth
                ) l
            ) o)
        end as param
    from source s
)
insert into instance_queued (job_id, app_id, trigger, scheduled_at, priority, param, cause_id, server_id)
select c.successor_id, s.app_id, 'dependency', now(), s.priority,
    nullif((select p.param from passed p where p.successor_id = c.successor_id), 'null'), $1, $4
from complete c
cross join lateral (select s.app_id, s.priority from job_schedule s where s.job_id = c.successor_id offset 0) s
order by c.successor_id
