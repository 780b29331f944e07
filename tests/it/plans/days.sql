-- Partitions of history of a week that was; the server has made those of the days to come.
do $$ declare
    day timestamptz;
    of_table text;
begin
    foreach of_table in array array['tick', 'instance_ended', 'attempt_ended', 'shard_log'] loop
        for day in select generate_series(date_trunc('day', now()) - interval '7 days', now(), '1 day') loop
            execute format('create table if not exists %1$s_%2$s partition of %1$s for values from (%3$L) to (%4$L)',
                of_table, to_char(day, 'YYYYMMDD'), day, day + interval '1 day');
        end loop;
    end loop;
end $$;
