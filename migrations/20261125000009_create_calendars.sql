-- Calendars, which jobs name in their definitions.
create table calendar (
    id bigint generated always as identity primary key,
    name text not null unique,
    version integer not null default 1,
    spec jsonb not null,
    author text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table calendar is 'Named days and hours that keep ticks of jobs in or out.';
comment on column calendar.version is 'Rises with each change.';
comment on column calendar.spec is 'CalendarSpec of the protocol crate.';

create view calendar_view as
select id as calendar_id, name, version, spec ->> 'description' as description, spec ->> 'time_zone' as time_zone, author, created_at, updated_at, spec
from calendar;
comment on view calendar_view is 'Calendars, which jobs name in their definitions.';
comment on column calendar_view.calendar_id is 'The calendar.';
comment on column calendar_view.name is 'Its name.';
comment on column calendar_view.version is 'Rises with each change, from 1.';
comment on column calendar_view.description is 'What it is for.';
comment on column calendar_view.time_zone is 'IANA zone in which its dates and hours are read.';
comment on column calendar_view.author is 'Who changed it last.';
comment on column calendar_view.created_at is 'When it was created.';
comment on column calendar_view.updated_at is 'When it was last changed.';
comment on column calendar_view.spec is 'The whole calendar, as the API shows it.';

create view job_history as
select v.job_id, a.name as app, j.name as job, v.version, v.author, v.created_at, v.definition
from job_version v join job j on j.id = v.job_id join app a on a.id = j.app_id;
comment on view job_history is 'Every version of every definition.';
comment on column job_history.job_id is 'The job.';
comment on column job_history.app is 'Name of its app.';
comment on column job_history.job is 'Its name.';
comment on column job_history.version is 'The version, from 1.';
comment on column job_history.author is 'Who made it.';
comment on column job_history.created_at is 'When it was made.';
comment on column job_history.definition is 'The whole definition.';
