/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Call sites that are armed (bpf/gomap/near.bpf.h), as user space knows them and arms them. */
#include <bpf/bpf.h>
#include <errno.h>

#include "probe/attachment.h"

static uint64_t key_of(const struct attachment *a, uint32_t slot, uint64_t ret)
{
	return mr_caller_key(mr_tagged(attachment_site(a, slot), a->tag), ret);
}

bool attachment_caller_site(const struct attachment *a, uint64_t key, uint64_t ret, uint32_t *slot)
{
	for (*slot = 0; *slot < MR_SITE_SLOTS; (*slot)++)
		if (attachment_site(a, *slot) && key_of(a, *slot, ret) == key)
			return true;
	return false;
}

size_t attachment_caller_slots(const struct attachment *a, const struct hook *hook,
			       uint32_t slots[MR_SITE_SLOTS])
{
	uint64_t ip = hook->addr + a->images[0].bias;
	uint32_t slot;
	size_t n = 0;

	for (slot = 0; slot < MR_SITE_SLOTS; slot++)
		if (attachment_site(a, slot) &&
		    (hook->state == HOOK_PROBED ? attachment_site(a, slot) == ip
						: attachment_op(a, slot) == hook->op))
			slots[n++] = slot;
	return n;
}

/* The engine may be using the record: what it writes meanwhile may be lost, or ours. */
static int arm(const struct attachment *a, uint64_t key, uint64_t ret, uint32_t partner,
	       uint8_t armed)
{
	uint32_t index = mr_place(key, a->engine->skel->rodata->cfg.caller_mask);
	int fd = bpf_map__fd(a->engine->skel->maps.callers);
	struct mr_caller record;

	if (bpf_map_lookup_elem(fd, &index, &record))
		return -errno;
	if (record.key != key)
		record = (struct mr_caller){.key = key, .ret = ret};
	if (record.armed)
		return 0;
	record.armed = armed;
	record.partner = partner;
	return bpf_map_update_elem(fd, &index, &record, BPF_ANY) ? -errno : 1;
}

int attachment_arm(struct attachment *a, const struct attachment_caller *site,
		   const struct attachment_caller *partner, unsigned int tried)
{
	const struct mr_event_call call = {.ret = site->ret, .slot = site->slot};
	uint64_t key = key_of(a, site->slot, site->ret);
	uint32_t other = mr_place(key_of(a, partner->slot, partner->ret),
				  a->engine->skel->rodata->cfg.caller_mask);
	int r = arm(a, key, site->ret, other,
		    (uint8_t)(tried < MR_CALLER_ARMED ? tried + 1 : MR_CALLER_ARMED));

	if (r > 0 && mr_op_writes(attachment_op(a, site->slot)))
		attachment_want_call(a, &call);
	return r;
}

int attachment_tried(const struct attachment *a,
		     int (*each)(void *ctx, const struct attachment_caller *site,
				 unsigned int tried),
		     void *ctx)
{
	uint32_t index, last = a->engine->skel->rodata->cfg.caller_mask;
	int fd = bpf_map__fd(a->engine->skel->maps.callers), r = 0;
	struct attachment_caller site;
	struct mr_caller record;

	for (index = 0; index <= last && !r; index++) {
		if (bpf_map_lookup_elem(fd, &index, &record))
			return -errno;
		if (!record.tried || !attachment_caller_site(a, record.key, record.ret, &site.slot))
			continue;
		site.ret = record.ret;
		r = each(ctx, &site, record.tried);
	}
	return r;
}
