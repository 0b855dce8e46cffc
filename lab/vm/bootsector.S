# A guest of one disk sector, which tells a working /dev/kvm from one that only opens.
#
# It does what every 64-bit kernel does first (page tables, long mode, model-specific registers, SSE), computes
# for a moment and ends QEMU through the isa-debug-exit device: exit code 2 * 0x10 + 1 = 33. Under a KVM that is
# there for paravirtual guests only, it never gets that far.
#
# To make bootsector.bin from it (a test compares the two):
#   as --32 -o bootsector.o bootsector.S
#   ld -m elf_i386 -Ttext=0x7c00 --oformat=binary -o bootsector.bin bootsector.o

        .set    PML4, 0x1000            # one page each; the BIOS leaves this memory alone
        .set    PDPT, 0x2000
        .set    DIRECTORY, 0x3000
        .set    SCRATCH, 0x6000
        .set    STACK, 0x7000

        .code16
        .globl  _start
_start:
        cli
        cld
        xor     %eax, %eax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $STACK, %sp

        # Page tables: the first 2 MiB, one large page, mapped to themselves.
        mov     $PML4, %di
        mov     $0x3000 / 4, %cx
        rep stosl
        movl    $PDPT + 3, PML4         # 3: present, writable
        movl    $DIRECTORY + 3, PDPT
        movl    $0x83, DIRECTORY        # 0x80: a large page

        mov     %cr4, %eax
        or      $0x620, %eax            # PAE, and SSE with its exceptions
        mov     %eax, %cr4
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       # EFER: long mode
        rdmsr
        or      $0x100, %eax
        wrmsr
        lgdt    gdt_pointer
        mov     %cr0, %eax
        and     $0xfffffffb, %eax       # no x87 emulation, or SSE would fault
        or      $0x80000001, %eax       # paging and protection: now in long mode
        mov     %eax, %cr0
        ljmp    $8, $long_mode

        # The assembler runs in its 32-bit mode; these instructions read the same in 64-bit mode.
        .code32
long_mode:
        mov     $16, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $STACK, %esp
        pxor    %xmm0, %xmm0
        movl    $SCRATCH, %esi
        movaps  %xmm0, (%esi)
        mov     $20000000, %ecx
1:      add     %ecx, %edx
        sub     $1, %ecx                # not dec: its short form is a prefix in 64-bit mode
        jnz     1b
        mov     $0x10, %al
        out     %al, $0xf4
2:      hlt
        jmp     2b

        .balign 8
gdt:    .quad   0
        .quad   0x00209a0000000000      # 64-bit code
        .quad   0x0000920000000000      # data
gdt_pointer:
        .word   gdt_pointer - gdt - 1
        .long   gdt

        .org    510
        .word   0xaa55
