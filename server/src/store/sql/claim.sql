-- Hands ready shards to clients.
-- Proposals, one row for each client and instance: $1 client_id, $2 instance_id, $3 how many shards at most,
--   $4 how many of the instance the client may hold at once (0: no limit, -1: one of a broadcast, and that alone), $5 mark: look only above this id,
--   $6 shard timeout in ms (0: none), $7 how many rows of the instance to look at. $8 is the lease in ms that the
--   clients have from now on, of which $9 ms must be left at least: who held nothing may have a longer one.
--   Limits that proposals count against, which nearly none has: $10 which proposal, from 1, ascending  $11 key of the limit.
-- In the plain form (`store::form`), for proposals without limits and broadcasts.
-- Answers one row for each run of shards claimed, and one without for each proposal that was considered and
-- got none; a proposal that is not answered at all was made for a client that has no lease, or that another
-- server is serving at this moment. "whole" says that the row of the queue is used up.
with live as materialized (
    -- Serialises the claims of one client over all servers, so that the cap below is exact: shards_held sees
    -- what another server committed before this one got the lock.
    select l.client_id, l.expires_at, l.held_from from client_lease l
    where l.client_id = any ($1) and l.expires_at > now()
    order by l.client_id
    for no key update skip locked
), held as materialized (
    -- Of all proposals in one call, after all of "live" is read, and so locked.
    select shards_held($1, $2, $4) as n from (select count(*) from live) l
), allowed as materialized (
    select p.ord, p.client_id, p.instance_id, p.mark, p.rows,
--<
        b.share,
-->
        case when p.cap = 0 then p.wanted
--<
            -- Of a broadcast each client has one shard, and repeats it itself.
            when p.cap < 0 then least(b.share, 1)
-->
            else least(p.wanted, greatest(0, p.cap - (select n from held)[p.ord]))
        end::bigint as n
    from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::integer[], $5::bigint[], $7::integer[])
        with ordinality as p (client_id, instance_id, wanted, cap, mark, rows, ord)
--<
    cross join lateral (
        select case when p.cap < 0 and (select n from held)[p.ord] = 0 then broadcast_share(p.client_id, p.instance_id) else 0 end as share
        offset 0
    ) b
-->
    -- "in" is looked up in a hash table; a join would compare all with all.
    where p.client_id in (select client_id from live)
--<
), limited as materialized (
    -- Serialises all claims that count against a limit. In the order of the keys, after the leases.
    select l.key, l.most from claim_limit l where l.key = any ($11::text[]) order by l.key for no key update
), room as materialized (
    select key, claims_left(key, most) as n from limited
), counted as materialized (
    -- What the limits leave of each proposal, after the proposals before it.
    select c.ord, min(greatest(0, r.n - c.before)) as n
    from (
        select k.ord, k.key, sum(a.n) over (partition by k.key order by k.ord) - a.n as before
        from unnest($10::integer[], $11::text[]) as k (ord, key) join allowed a on a.ord = k.ord
    ) c join room r on r.key = c.key
    group by c.ord
), bounded as materialized (
    select a.ord, a.client_id, a.instance_id, a.mark, a.rows, a.share,
        case when a.ord = any ($10::integer[]) then least(a.n, coalesce((select c.n from counted c where c.ord = a.ord), a.n))::bigint else a.n end as n
    from allowed a
), own as materialized (
    -- What a client of a broadcast has to repeat is its own.
    select a.ord, a.instance_id, r.ctid as row, r.id, r.item, r.attempt
    from bounded a
    cross join lateral (select case when a.share = 2 and a.n > 0 then shard_to_repeat(a.client_id, a.instance_id) end as id offset 0) w
    cross join lateral (
        select s.ctid, s.id, s.item, s.attempt from shard_ready s where s.instance_id = a.instance_id and s.id = w.id
        for update skip locked
    ) r
-->
--plain: ), bounded as not materialized (select a.ord, a.instance_id, a.mark, a.rows, a.n from allowed a
), dealt as materialized (
    select a.ord, a.instance_id, a.n, (sum(a.n) over w - a.n)::bigint as before from bounded a
--<
    where a.share < 2
-->
    window w as (partition by a.instance_id order by a.ord)
), picked as materialized (
    select r.ctid, r.instance_id, r.id, r.item, r.n, r.attempt, i.n as asked
    from (
        select instance_id, sum(n)::bigint as n, min(mark) as mark, max(rows) as rows
--<
            , bool_or(share > 0) as is_broadcast
-->
        from bounded
--<
        where share < 2
-->
        group by instance_id having sum(n) > 0
    ) i
    cross join lateral (
        select s.ctid, s.instance_id, s.id, s.item, s.n, s.attempt from shard_ready s
        where s.instance_id = i.instance_id and s.id > i.mark
--<
            and (not i.is_broadcast or shard_is_free(s.instance_id, s.item, s.attempt))
-->
        order by s.id
        limit i.rows
        for update skip locked
    ) r
), lined as materialized (
    select p.*, (sum(p.n) over (partition by p.instance_id order by p.id) - p.n)::bigint as before from picked p
), taken as (
    -- By place: rows of the queue are locked and never updated, and no plan can go wrong over it.
    delete from shard_ready s where s.ctid = any (array(select ctid from lined where before < asked
--<
        union all select row from own
-->
        ))
    returning s.instance_id, s.id
), rest as (
    -- What is left of a row keeps its place in the queue.
    insert into shard_ready (instance_id, id, item, n, attempt) overriding system value
    select l.instance_id, l.id, l.item + (l.asked - l.before)::integer, l.n - (l.asked - l.before)::integer, l.attempt
    from lined l
    -- Reading "taken" deletes the old row first.
    where l.before < l.asked and l.before + l.n > l.asked and (select count(*) from taken) > 0
), place as (
    -- Where a proposal, a row, or what there is of either begins, on the line of the shards of an instance.
    select instance_id, before as at, ord, null::bigint[] as row from dealt where n > 0
    union all
    select instance_id, before, null, array[id, item, attempt, before, n] from lined
    union all
    select instance_id, sum(n)::bigint, 9223372036854775807, null from dealt group by instance_id
    union all
    select instance_id, sum(n)::bigint, null, array[9223372036854775807] from picked group by instance_id
), piece as (
    -- From each beginning to the next, with the proposal and the row that began last.
    select instance_id, at, lead(at) over w as until, max(ord) over w as ord, max(row) over w as row
    from place
    window w as (partition by instance_id order by at, ord nulls last, row nulls last rows unbounded preceding)
), given as materialized (
    select ord, instance_id, row[1] as id, (row[2] + at - row[4])::integer as item, row[3]::smallint + 1 as attempt,
        (until - at)::smallint as n, row[4] + row[5] <= until as whole
    from piece
    where until > at and ord < 9223372036854775807 and row[1] < 9223372036854775807
--<
    union all
    select ord, instance_id, id, item, attempt::smallint + 1, 1::smallint, true from own
-->
), claimed as (
    insert into shard_running (client_id, instance_id, chunk, attempt, open, deadline_at)
    select ($1::uuid[])[ord], instance_id, (item / 64)::smallint, attempt, chunk_mask(item, n),
        case when ($6::bigint[])[ord] > 0 then now() + (($6::bigint[])[ord] + 5000) * interval '1 ms' end
    from given
    returning id, client_id, instance_id
--<
), used as (
    insert into claim_use (key, claim_id)
    select k.key, c.id
    from (select ($1::uuid[])[k.ord] as client_id, ($2::bigint[])[k.ord] as instance_id, k.key
        from unnest($10::integer[], $11::text[]) as k (ord, key) where k.key in (select key from limited)) k
    join claimed c on c.client_id = k.client_id and c.instance_id = k.instance_id
-->
), oldest as materialized (
    select min(instance_id) as id from given
), leased as (
    -- Shards of an older instance than the client was known to hold: the next renewal has to see them.
    update client_lease set expires_at = now() + $8::bigint * interval '1 ms',
        held_from = least(held_from, (select id from oldest))
    where client_id = any (array(
        select client_id from live
        -- Most have renewed a moment ago, and are given what is new.
        where (held_from > (select id from oldest)
                or expires_at not between now() + $9::bigint * interval '1 ms' and now() + $8::bigint * interval '1 ms')
            -- As above; "coalesce" keeps this "in" from becoming a join.
            and coalesce(client_id in (select ($1::uuid[])[ord] from given), false)
    ))
)
select ord, 0::bigint as allowed, id, item, n, attempt::smallint, whole from given
union all
--plain: select ord, n, null, null, null, null, null from dealt
--<
select ord, n, null, null, null, null, null from bounded
-->
