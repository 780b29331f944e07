-- Beside the claims: enough that they find work, and a pause when there is plenty.
select count(*) as waiting from (select from bench_peer_pgbench.ready limit 14000) w \gset
\if :waiting < 14000
insert into bench_peer_pgbench.ready (job_id, payload) select i % 100, '\x00112233445566778899aabbccddeeff' from generate_series(1, 2000) i;
\else
\sleep 1 ms
\endif
