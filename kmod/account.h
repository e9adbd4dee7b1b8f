/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much memory the contexts of one user have, and how much all have of what.
 */
#ifndef MK_ACCOUNT_H
#define MK_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct mk_account;

/* What exists now: read in /sys/module/mk/parameters. */
struct mk_totals {
	atomic_long_t contexts;
	atomic_long_t attachments;
	atomic_long_t exports;
	atomic_long_t pages;
};

extern struct mk_totals mk_totals;

/* Takes the default limit when the module was given none. */
void mk_account_init(void);

/**
 * mk_account_get() - the account of a user
 * @user: who is charged
 *
 * Return: to be given back to mk_account_put(), or NULL without memory.
 */
struct mk_account *mk_account_get(kuid_t user);
void mk_account_put(struct mk_account *account);

/**
 * mk_account_charge() - count pages for a user, and hold the account for them
 * @account: the user's
 * @pages: how many more
 *
 * Return: 0, or -EDQUOT when the user would have more than the limit.
 */
int mk_account_charge(struct mk_account *account, unsigned long pages);
void mk_account_uncharge(struct mk_account *account, unsigned long pages);

u64 mk_account_limit_bytes(void);
u64 mk_account_user_bytes(kuid_t user);

#endif /* MK_ACCOUNT_H */
