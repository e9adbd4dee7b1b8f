// SPDX-License-Identifier: MIT
#include "vk_loss.h"

#include <stdio.h>
#include <string.h>

void mk_vk_loss_watch_open(const struct mk_vk_device *device,
			   struct mk_vk_loss_watch *watch)
{
	watch->is_open = true;
	mk_amdgpu_reset_open(&device->identity, &watch->amdgpu);
}

void mk_vk_loss_watch_close(struct mk_vk_loss_watch *watch)
{
	if (watch->is_open)
		mk_amdgpu_reset_close(&watch->amdgpu);
	watch->is_open = false;
}

static void append(struct mk_loss *loss, const char *text)
{
	size_t used = strlen(loss->cause);

	snprintf(loss->cause + used, sizeof(loss->cause) - used, "%s%.200s",
		 used ? "; " : "", text);
}

static void ask_vulkan(const struct mk_vk_device *device, struct mk_loss *loss)
{
	PFN_vkGetDeviceFaultInfoEXT get =
		(PFN_vkGetDeviceFaultInfoEXT)vkGetDeviceProcAddr(
			device->device, "vkGetDeviceFaultInfoEXT");
	VkDeviceFaultAddressInfoEXT address = { 0 };
	VkDeviceFaultCountsEXT counts = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT,
		.addressInfoCount = 1,
	};
	VkDeviceFaultInfoEXT info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT,
		.pAddressInfos = &address,
	};
	char text[80];

	if (!device->tells_faults || !get || get(device->device, &counts, &info) < 0)
		return;
	info.description[sizeof(info.description) - 1] = '\0';
	if (*info.description)
		append(loss, info.description);
	if (!counts.addressInfoCount)
		return;
	snprintf(text, sizeof(text), "an access to 0x%llx",
		 (unsigned long long)address.reportedAddress);
	append(loss, text);
}

static void ask_amdgpu(struct mk_vk_loss_watch *watch, struct mk_loss *loss)
{
	struct mk_amdgpu_status status;

	if (!mk_amdgpu_reset_ask(&watch->amdgpu, &status))
		return;
	loss->memory_survived = !status.vram_lost;
	if (!status.was_reset)
		append(loss, "amdgpu knows of no reset of the whole device");
	else
		append(loss,
		       status.vram_lost ?
			       "amdgpu has reset the device, and its memory is lost" :
			       "amdgpu has reset the device, and kept its memory");
	if (status.is_under_way)
		append(loss, "the reset has not ended yet");
}

void mk_vk_loss_explain(struct mk_vk_loss_watch *watch, const struct mk_vk_device *device,
			struct mk_loss *loss)
{
	loss->memory_survived = false;
	ask_vulkan(device, loss);
	ask_amdgpu(watch, loss);
}
