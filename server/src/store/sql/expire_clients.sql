-- Removes leases that have ended, at most $1: their clients leave. Answers whose they were.
with due as materialized (
    select client_id from client_lease where expires_at <= now()
    order by client_id limit $1 for update skip locked
), gone as (
    delete from client_lease l using due where l.client_id = due.client_id and l.expires_at <= now()
    returning l.client_id
)
update client c set left_at = now() from gone where c.id = gone.client_id returning c.id
