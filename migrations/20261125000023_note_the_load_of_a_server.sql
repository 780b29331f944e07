-- Who looks at the servers wants to see which of them works, and how hard.
alter table server add column cpu_percent integer, add column memory_bytes bigint;
comment on column server.cpu_percent is 'Of one core, since the renewal before; null until it is known.';
comment on column server.memory_bytes is 'Resident memory; null where it cannot be told.';

create or replace view server_view as
select s.id as server_id, s.host, s.pid, s.address, s.version, s.started_at, s.expires_at, s.draining,
    (select count(*) from bucket_lease b where b.owner = s.id and b.expires_at > now()) as buckets,
    (select count(*) from bucket_lease b join job_schedule j on j.bucket = b.bucket
     where b.owner = s.id and b.expires_at > now() and j.next_fire_at is not null) as jobs,
    s.cpu_percent, s.memory_bytes
from server s
where s.left_at is null and s.expires_at > now();
comment on column server_view.cpu_percent is 'How much of one core it took lately; null until it is known.';
comment on column server_view.memory_bytes is 'How much memory it has; null where that cannot be told.';
