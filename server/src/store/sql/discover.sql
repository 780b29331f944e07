-- Running instances from $1 on that have shards to hand out, at most $2.
select i.id, i.app_id, i.job_id, i.job_version, i.trigger, i.scheduled_at, i.fired_at, i.param, i.total
from instance i
where i.id >= $1 and exists (select from shard_ready r where r.instance_id = i.id)
order by i.id
limit $2
