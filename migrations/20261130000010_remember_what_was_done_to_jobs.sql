-- While a job is paused, stopped or disabled it has no ticks, and this says why there are none.
create table job_action (
    id bigint generated always as identity primary key,
    job_id bigint not null,
    at timestamptz not null default clock_timestamp(),
    action text not null check (action in ('enable', 'disable', 'schedule', 'stop', 'pause', 'resume')),
    author text not null
);
comment on table job_action is 'What changed the states of jobs. Kept when a job is deleted.';
create index job_action_job_idx on job_action (job_id, at desc);

create view job_action_history as
select t.job_id, a.name as app, j.name as job, t.at as done_at, t.action, t.author
from job_action t left join job j on j.id = t.job_id left join app a on a.id = j.app_id;
comment on view job_action_history is 'What changed the states of jobs: they have no ticks while they are paused, stopped or disabled.';
comment on column job_action_history.job_id is 'The job.';
comment on column job_action_history.app is 'Name of its app; null once the job is deleted.';
comment on column job_action_history.job is 'Its name; null once it is deleted.';
comment on column job_action_history.done_at is 'When.';
comment on column job_action_history.action is 'enable, disable, schedule, stop, pause or resume.';
comment on column job_action_history.author is 'Who did it.';
