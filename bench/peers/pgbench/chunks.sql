-- A division by zero ends the client when nothing is left: pgbench has no other way.
with c as (select id from bench_peer_pgbench.chunk_ready where run_at <= now() order by prio, run_at, id limit :n for update skip locked), d as (delete from bench_peer_pgbench.chunk_ready r using c where r.id = c.id returning r.*), i as (insert into bench_peer_pgbench.chunk_running (id, instance_id, chunk, attempt, open, owner, lease_until) select id, instance_id, item / 64, attempt + 1, case when n = 64 then -1::bigint else ~(-1::bigint << n) end, :client_id, now() + interval '30s' from d returning id) select coalesce(array_agg(id), '{}')::text as ids, count(*) as got from i \gset
\if :got = 0 and :stop = 1
\set empty 1 / :got
\endif
with d as (delete from bench_peer_pgbench.chunk_running where id = any(:ids::bigint[]) returning *) insert into bench_peer_pgbench.chunk_history (instance_id, chunk, attempt, final, outcome, mask, owner, claimed_at, started_at) select instance_id, chunk, attempt, true, 'succeeded', open, owner, claimed_at, array_fill(claimed_at, array[bit_count(open::bit(64))::int]) from d;
