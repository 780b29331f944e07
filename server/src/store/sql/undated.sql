-- Waiting jobs of which no instance runs or waits to start, and whose next tick is a fixed delay away: at most 500.
select s.job_id, s.version, s.fixed_delay_ms, s.timing, s.prev_fire_at,
    greatest(s.prev_fire_at, j.updated_at,
        (select e.ended_at from instance_ended e where e.job_id = s.job_id order by e.id desc limit 1)) as last_at
from job_schedule s
-- Looked up for each and not joined: planned while the tables were empty, a join compares all with all.
cross join lateral (select j.state, j.updated_at from job j where j.id = s.job_id offset 0) j
where s.fixed_delay_ms is not null and s.next_fire_at is null and j.state = 'waiting'
    and (select i.id from instance i where i.job_id = s.job_id limit 1) is null
    and (select q.id from instance_queued q where q.job_id = s.job_id limit 1) is null
order by s.job_id
limit 500
