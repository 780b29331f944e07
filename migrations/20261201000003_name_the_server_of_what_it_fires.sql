-- A job without a next fire is fired by nobody: the server of its bucket counts it not among its own either.
create or replace view job_view as
select j.id as job_id, a.name as app, j.name as job,
    case when j.state = 'waiting' and exists (select from instance i where i.job_id = j.id) then 'running' else j.state end as state,
    j.version, v.definition ->> 'description' as description, s.cron, s.time_zone, s.shard_count,
    s.prev_fire_at, s.next_fire_at, case when s.next_fire_at is not null then b.owner end as server_id, j.created_at, j.updated_at, v.definition
from job j
join app a on a.id = j.app_id
join job_version v on v.job_id = j.id and v.version = j.version
join job_schedule s on s.job_id = j.id
left join bucket_lease b on b.bucket = s.bucket and b.expires_at > now()
where j.deleted_at is null;
comment on column job_view.server_id is 'The server that fires it now; null if nothing is to fire.';
