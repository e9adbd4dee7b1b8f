/* SPDX-License-Identifier: GPL-2.0-only */
/* Others who export DMA-bufs, and one who imports them, where the system has them. */
#ifndef MK_SELFTESTS_EXPORTERS_H
#define MK_SELFTESTS_EXPORTERS_H

#include <stdbool.h>
#include <stddef.h>

struct exporter {
	const char *name;
	/* A DMA-buf of at least that many bytes, or -1. */
	int (*export)(size_t bytes, bool writable);
	bool can_be_read_only;
	/* Every kernel can reach the words without moving the buffer; else some can. */
	bool is_always_reachable;
};

extern const struct exporter vgem;
extern const struct exporter udmabuf;
extern const struct exporter system_heap;

/* A vgem device, or -1. */
int vgem_open(void);

/* What such a device says to a DMA-buf that it is to map: 0 or an errno. */
int vgem_import_by(int card, int dma_buf);
/* The same; what it maps stays mapped until the device is closed. */
int vgem_import_and_keep(int card, int dma_buf);
/* The same with one that is opened for it; ENODEV when there is none. */
int vgem_import(int dma_buf);

/* Whether such a device that imports a DMA-buf lets it be mapped to write, or exports it so. */
bool vgem_makes_writable(int card, int dma_buf, size_t bytes);

#endif /* MK_SELFTESTS_EXPORTERS_H */
