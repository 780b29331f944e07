-- Running instances that have taken longer than their job allows, at most $1, oldest first.
select id from instance where deadline_at <= now() order by deadline_at limit $1
