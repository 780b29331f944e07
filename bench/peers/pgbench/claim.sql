-- A division by zero ends the client when nothing is left: pgbench has no other way.
with c as (select id from bench_peer_pgbench.ready where run_at <= now() order by prio, run_at, id limit :n for update skip locked), d as (delete from bench_peer_pgbench.ready r using c where r.id = c.id returning r.*), i as (insert into bench_peer_pgbench.running (id, job_id, prio, run_at, attempt, owner, lease_until, payload) select id, job_id, prio, run_at, attempt + 1, :client_id, now() + interval '30s', payload from d returning id) select coalesce(array_agg(id), '{}')::text as ids, count(*) as got from i \gset
\if :got = 0 and :stop = 1
\set empty 1 / :got
\endif
with d as (delete from bench_peer_pgbench.running where id = any(:ids::bigint[]) returning id, job_id, attempt, started_at) insert into bench_peer_pgbench.history (shard_id, job_id, state, attempt, started_at) select id, job_id, 'c', attempt, started_at from d;
