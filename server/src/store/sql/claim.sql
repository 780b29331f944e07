-- Hands ready shards to clients.
-- Proposals, one row for each client and instance: $1 client_id, $2 instance_id, $3 how many shards at most,
--   $4 how many of the instance the client may hold at once (0: no limit), $5 mark: look only above this id,
--   $6 shard timeout in ms (0: none).
-- Answers one row for each shard claimed, and one without a shard for each proposal that was considered and
-- got none; a proposal that is not answered at all was made for a client that has no lease, or that another
-- server is serving at this moment.
with proposal as (
    select p.* from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::integer[], $5::bigint[], $6::bigint[])
        with ordinality as p (client_id, instance_id, wanted, cap, mark, timeout_ms, ord)
), live as materialized (
    -- Serialises the claims of one client over all servers, so that the cap below is exact: shards_held sees
    -- what another server committed before this one got the lock.
    select l.client_id from client_lease l
    where l.client_id in (select client_id from proposal) and l.expires_at > now()
    order by l.client_id
    for no key update skip locked
), allowed as materialized (
    select p.ord, p.client_id, p.instance_id, p.mark, p.timeout_ms,
        case when p.cap = 0 then p.wanted
            else least(p.wanted, greatest(0, p.cap - shards_held(p.client_id, p.instance_id)))
        end::bigint as n
    from proposal p join live using (client_id)
), dealt as materialized (
    select a.*, (sum(a.n) over (partition by a.instance_id order by a.ord) - a.n)::bigint as before from allowed a
), picked as materialized (
    select r.ctid, r.instance_id, r.id, r.item, r.attempt
    from (select instance_id, sum(n) as n, min(mark) as mark from allowed group by instance_id having sum(n) > 0) i
    cross join lateral (
        select s.ctid, s.instance_id, s.id, s.item, s.attempt from shard_ready s
        where s.instance_id = i.instance_id and s.id > i.mark
        order by s.id
        limit i.n
        for update skip locked
    ) r
), taken as (
    -- By place: the rows are locked and never updated, and no plan can go wrong over it.
    delete from shard_ready s where s.ctid = any (array(select ctid from picked))
    returning s.instance_id, s.id, s.item, s.attempt
), numbered as materialized (
    select t.*, row_number() over (partition by t.instance_id order by t.id) - 1 as place from taken t
), seat as materialized (
    -- One row for each shard a proposal may get, so that the join below compares for equality.
    select d.ord, d.client_id, d.timeout_ms, d.instance_id, d.before + g as place
    from dealt d cross join lateral generate_series(0, d.n - 1) as g
), given as materialized (
    select s.ord, s.client_id, s.timeout_ms, n.instance_id, n.id, n.item, n.attempt
    from numbered n join seat s on s.instance_id = n.instance_id and s.place = n.place
), claimed as (
    insert into shard_running (client_id, shard_id, attempt, deadline_at)
    select client_id, (instance_id << 17) + item, attempt + 1,
        case when timeout_ms > 0 then now() + (timeout_ms + 5000) * interval '1 ms' end
    from given
)
select d.client_id, d.instance_id, d.n as allowed, g.id, g.item, (g.attempt + 1)::smallint as attempt
from dealt d left join given g on g.ord = d.ord
order by d.ord, g.id
