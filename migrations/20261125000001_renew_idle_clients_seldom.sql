-- While a client holds nothing its lease is a long one: thousands of them wait, and have nothing to lose.
create function client_holds(client uuid) returns boolean language sql volatile as $$
    select exists (select from shard_running r where r.client_id = client)
$$;
comment on function client_holds is 'Whether a client holds a shard. Volatile, so that it sees what committed while the statement that calls it waited for a lock.';
