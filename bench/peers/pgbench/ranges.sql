-- A division by zero ends the client when nothing is left: pgbench has no other way.
with k as (select job_id, next_seq, least(next_seq + :n, max_seq) as hi from bench_peer_pgbench.range_cursor where next_seq < max_seq order by job_id limit 1 for update skip locked), u as (update bench_peer_pgbench.range_cursor c set next_seq = k.hi from k where c.job_id = k.job_id), i as (insert into bench_peer_pgbench.range_claim (job_id, lo, hi, owner, lease_until) select job_id, next_seq, hi, :client_id, now() + interval '30s' from k returning id, job_id, lo, hi) select coalesce(max(i.id), 0) as cid, count(s.seq) as got from i join bench_peer_pgbench.range_shard s on s.job_id = i.job_id and s.seq >= i.lo and s.seq < i.hi \gset
\if :got = 0 and :stop = 1
\set empty 1 / :got
\endif
with d as (delete from bench_peer_pgbench.range_claim where id = :cid returning job_id, lo, hi) insert into bench_peer_pgbench.range_done (job_id, lo, hi) select job_id, lo, hi from d;
