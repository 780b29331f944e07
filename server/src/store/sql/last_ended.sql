-- The last instance that has ended of each of the jobs $1, and how, if there is one.
select u.job_id, e.id, e.state, e.ended_at
from unnest($1::bigint[]) as u (job_id)
cross join lateral (select e.id, e.state, e.ended_at from instance_ended e where e.job_id = u.job_id order by e.id desc limit 1) e
