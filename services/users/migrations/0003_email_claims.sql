-- When an e-mail was claimed. The claim comes before the account, in a commit of its own: one that was left without an
-- account by a crash is told by its age.
alter table emails add column claimed_at bigint not null default 0;
