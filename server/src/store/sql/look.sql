-- Whether there is anything to sweep. What is found is taken up by statements of its own, which check again; when
-- there is nothing, as nearly always, this is all that a replica asks. $1: whether to look for claims without a
-- lease too, which reads all claims.
select
    exists (select from client_lease l where l.expires_at <= now()) as expired,
    $1 and exists (select from shard_running r where not exists (select from client_lease l where l.client_id = r.client_id)) as orphans,
    exists (select from shard_running r where r.deadline_at <= now()) as overdue_claims,
    exists (select from instance i where i.deadline_at <= now()) as overdue_instances,
    exists (select from shard_delayed d where d.due_at <= now()) as delayed,
    -- By instance: rows of the queue that are gone but not yet removed would be walked over.
    exists (select from instance i where exists (select from shard_ready r where r.instance_id = i.id)) as ready
