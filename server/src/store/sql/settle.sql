-- Ends the instances $1 whose last shard has ended, in the transaction that ended it.
with ended as (
    delete from instance where id = any($1) and remaining = 0 returning *
)
insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, param, server_id,
    total, succeeded, failed, cancelled)
select id, job_id, app_id, job_version, case when failed > 0 then 'failed' else 'succeeded' end, trigger, scheduled_at, fired_at,
    param, server_id, total, succeeded, failed, 0
from ended
