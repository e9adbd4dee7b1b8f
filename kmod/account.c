// SPDX-License-Identifier: GPL-2.0-only
#include "account.h"

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

struct mk_account {
	struct list_head node;
	kuid_t user;
	unsigned long references;
	unsigned long pages;
};

/* Protects the list and all in it.  Taken last; nothing sleeps under it but kmalloc. */
static DEFINE_MUTEX(accounts_lock);
static LIST_HEAD(accounts);

struct mk_totals mk_totals;

static unsigned long user_limit_mib;
module_param(user_limit_mib, ulong, 0644);
MODULE_PARM_DESC(user_limit_mib,
		 "Memory of all contexts of one user, MiB (default: half of all memory)");

static int get_total(char *buffer, const struct kernel_param *parameter)
{
	return sysfs_emit(buffer, "%ld\n",
			  atomic_long_read((atomic_long_t *)parameter->arg));
}

static int set_total(const char *value, const struct kernel_param *parameter)
{
	return -EPERM;
}

static const struct kernel_param_ops total_ops = { .get = get_total, .set = set_total };

module_param_cb(contexts, &total_ops, &mk_totals.contexts, 0444);
MODULE_PARM_DESC(contexts, "Contexts that exist (read only)");
module_param_cb(attachments, &total_ops, &mk_totals.attachments, 0444);
MODULE_PARM_DESC(attachments, "Open files of contexts (read only)");
module_param_cb(exports, &total_ops, &mk_totals.exports, 0444);
MODULE_PARM_DESC(exports, "DMA-bufs that were exported (read only)");
module_param_cb(pages, &total_ops, &mk_totals.pages, 0444);
MODULE_PARM_DESC(pages, "Pages of all contexts (read only)");

void mk_account_init(void)
{
	if (!user_limit_mib)
		user_limit_mib = totalram_pages() >> (20 - PAGE_SHIFT) >> 1;
}

u64 mk_account_limit_bytes(void)
{
	return (u64)min(READ_ONCE(user_limit_mib), ULONG_MAX >> 20) << 20;
}

static struct mk_account *find_account(kuid_t user)
{
	struct mk_account *account;

	lockdep_assert_held(&accounts_lock);
	list_for_each_entry(account, &accounts, node)
		if (uid_eq(account->user, user))
			return account;
	return NULL;
}

struct mk_account *mk_account_get(kuid_t user)
{
	struct mk_account *account;

	mutex_lock(&accounts_lock);
	account = find_account(user);
	if (!account) {
		account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
		if (account) {
			account->user = user;
			list_add(&account->node, &accounts);
		}
	}
	if (account)
		account->references++;
	mutex_unlock(&accounts_lock);
	return account;
}

static void drop_reference(struct mk_account *account)
{
	lockdep_assert_held(&accounts_lock);
	if (--account->references)
		return;
	list_del(&account->node);
	kfree(account);
}

void mk_account_put(struct mk_account *account)
{
	mutex_lock(&accounts_lock);
	drop_reference(account);
	mutex_unlock(&accounts_lock);
}

int mk_account_charge(struct mk_account *account, unsigned long pages)
{
	u64 limit = mk_account_limit_bytes() >> PAGE_SHIFT;
	int error = 0;

	mutex_lock(&accounts_lock);
	if (pages > limit || account->pages > limit - pages) {
		error = -EDQUOT;
	} else {
		account->pages += pages;
		account->references++;
		atomic_long_add(pages, &mk_totals.pages);
	}
	mutex_unlock(&accounts_lock);
	return error;
}

void mk_account_uncharge(struct mk_account *account, unsigned long pages)
{
	mutex_lock(&accounts_lock);
	account->pages -= pages;
	atomic_long_sub(pages, &mk_totals.pages);
	drop_reference(account);
	mutex_unlock(&accounts_lock);
}

u64 mk_account_user_bytes(kuid_t user)
{
	struct mk_account *account;
	unsigned long pages = 0;

	mutex_lock(&accounts_lock);
	account = find_account(user);
	if (account)
		pages = account->pages;
	mutex_unlock(&accounts_lock);
	return (u64)pages << PAGE_SHIFT;
}
