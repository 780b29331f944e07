-- A client whose clock is wrong shows wrong times in its history: people should see that it is.
alter table client add column clock_skew_ms bigint;
comment on column client.clock_skew_ms is 'How far its clock was ahead when it registered, as far as the way of the message lets tell.';

create or replace view client_view as
select c.id as client_id, a.name as app, c.host, c.ip, c.pid, c.sdk, c.version, c.handlers, c.labels, c.slots,
    (select coalesce(sum(mask_count(r.open)), 0) from shard_running r where r.client_id = c.id) as running,
    c.registered_at, l.expires_at, c.clock_skew_ms
from client c
join client_lease l on l.client_id = c.id and l.expires_at > now()
join app a on a.id = c.app_id;
comment on column client_view.clock_skew_ms is 'How far its clock was ahead of the database''s when it registered; null if it did not tell.';
