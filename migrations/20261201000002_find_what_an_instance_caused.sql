-- Few instances have a cause, so that the indexes cost the others nothing.
create index instance_cause_idx on instance (cause_id) where cause_id is not null;
create index instance_queued_cause_idx on instance_queued (cause_id) where cause_id is not null;
create index instance_ended_cause_idx on instance_ended (cause_id) where cause_id is not null;
