-- Running instances that have shards to hand out: of each app in $1 at most $3, from the one in $2 on. With the version
-- of the definition that holds now, which says who may run them.
select i.id, i.app_id, i.job_id, i.job_version, i.trigger, i.scheduled_at, i.fired_at, i.param, i.total, i.priority, i.phase, i.plan,
    -- Of most no definition has changed since, and looking for each is dear.
    case when i.id <= (select coalesce(pg_sequence_last_value('definition_change'), 0)) then (select s.version from job_schedule s where s.job_id = i.job_id)
        else i.job_version end as current_version
from unnest($1::bigint[], $2::bigint[]) as look (app_id, from_id)
cross join lateral (
    select i.* from instance i
    -- A look for each instance and no "exists": that becomes a join, which, planned while the tables were empty,
    -- compares all with all. The last row of the queue, since the first ones are where dead ones lie.
    where i.app_id = look.app_id and i.id >= look.from_id
        and (select r.id from shard_ready r where r.instance_id = i.id order by r.id desc limit 1) is not null
    order by i.id
    limit $3
) i
