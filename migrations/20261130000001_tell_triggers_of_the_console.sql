-- A button of the console is told from a call of the API.
alter table instance drop constraint instance_trigger_check;
alter table instance add constraint instance_trigger_check
    check (trigger in ('schedule', 'api', 'console', 'sql', 'dependency', 'backfill', 'rerun', 'plan'));
alter table instance_queued drop constraint instance_queued_trigger_check;
alter table instance_queued add constraint instance_queued_trigger_check
    check (trigger in ('schedule', 'api', 'console', 'sql', 'dependency', 'backfill', 'plan'));
