-- Has the mail $1, which is over, sent once more at the time $2, and tried until $3.
update mails
set
  state = 'pending',
  tries = 0,
  resent = resent + 1,
  due_at = $2,
  expires_at = $3,
  code = null,
  updated_at = $2
where mail_id = $1 and state <> 'pending'
