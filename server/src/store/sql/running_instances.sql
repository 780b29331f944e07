-- Of the instances $1, those that run.
select id from instance where id = any ($1::bigint[])
