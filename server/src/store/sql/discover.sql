-- Running instances from $1 on that have shards to hand out, at most $2.
select i.id, i.app_id, i.job_id, i.job_version, i.trigger, i.scheduled_at, i.fired_at, i.param, i.total
from instance i
-- A look for each instance and no "exists": that becomes a join, which, planned while the tables were empty,
-- compares all with all. The last row of the queue, since the first ones are where dead ones lie.
where i.id >= $1 and (select r.id from shard_ready r where r.instance_id = i.id order by r.id desc limit 1) is not null
order by i.id
limit $2
