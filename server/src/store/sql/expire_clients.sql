-- Removes leases that have ended, at most $1: their clients leave. Answers whose they were.
with due as materialized (
    select client_id from client_lease where expires_at <= now()
    order by client_id limit $1 for update skip locked
), gone as (
    -- By key and not joined, here and below: planned while the tables were empty, a join compares all with all.
    delete from client_lease where client_id = any (array(select client_id from due)) and expires_at <= now()
    returning client_id
)
update client set left_at = now() where id = any (array(select client_id from gone)) returning id
