-- One look at the cluster from the server $1: who lives, and whether the buckets are where they should be.
with held as materialized (
    -- Advisory locks with two keys show up as classid and objid, unsigned.
    select l.objid::bigint as lock_id from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
        and l.database = (select oid from pg_database where datname = current_database())
        and l.classid = (hashtext(current_schema() || ' server')::bigint & 4294967295)::oid
), known as materialized (
    select s.id, s.draining, s.expires_at > now() and s.lock_id in (select lock_id from held) as live
    from server s where s.left_at is null
), firing as materialized (
    -- As store::server::firing: who drains fires only if everybody does.
    select k.id from known k
    where k.live and (not k.draining or not exists (select from known o where o.live and not o.draining))
), owned as materialized (
    select case when b.expires_at > now() then b.owner end as owner, count(*) as buckets, sum(b.epoch)::bigint as epochs
    from bucket_lease b group by 1
)
select
    exists (select from known where id = $1) as alive,
    exists (select from known where not live) as someone_died,
    coalesce((select sum(o.buckets) from owned o
        where o.owner is null or not exists (select from firing f where f.id = o.owner)), 0)::bigint as orphans,
    coalesce((select max(coalesce(o.buckets, 0)) from firing f left join owned o on o.owner = f.id), 0) as most,
    coalesce((select min(coalesce(o.buckets, 0)) from firing f left join owned o on o.owner = f.id), 0) as least,
    coalesce((select buckets from owned where owner = $1), 0) as own_buckets,
    coalesce((select epochs from owned where owner = $1), 0) as own_epochs
