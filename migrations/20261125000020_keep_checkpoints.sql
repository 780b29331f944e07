-- Checkpoints: what a handler wants the next attempt of its shard to know. A table of its own, so that shards which have
-- none pay nothing, and no row of a claim is written but when it changes hands.
create table shard_checkpoint (
    instance_id bigint not null,
    item integer not null,
    attempt smallint not null,
    checkpoint jsonb,
    progress smallint check (progress between 0 and 100),
    saved_at timestamptz not null default now(),
    primary key (instance_id, item)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
comment on table shard_checkpoint is 'How far shards of running instances have come, where a handler said so. Goes some time after the instance has ended.';
comment on column shard_checkpoint.attempt is 'The attempt that said so last.';
comment on column shard_checkpoint.checkpoint is 'Given to the next attempt; null if none was saved.';
comment on column shard_checkpoint.progress is 'Percent, as that attempt said; null if it did not.';
