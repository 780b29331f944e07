-- Extends the lease of the server $1 and of its buckets by $2 ms from now. Answers no row if it has been
-- declared dead; otherwise its buckets, or one row without a bucket if it has none. The server takes $3 percent of a core
-- and $4 bytes.
with alive as (
    update server set expires_at = now() + $2::bigint * interval '1 ms', cpu_percent = $3, memory_bytes = $4
    where id = $1 and left_at is null returning id
), mine as (
    select b.bucket from bucket_lease b join alive on b.owner = alive.id
    order by b.bucket for no key update of b
), renewed as (
    update bucket_lease b set expires_at = now() + $2::bigint * interval '1 ms'
    from mine where b.bucket = mine.bucket and b.owner = $1 returning b.bucket, b.epoch
)
select r.bucket, r.epoch from alive left join renewed r on true order by r.bucket
